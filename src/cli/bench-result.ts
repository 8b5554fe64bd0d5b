import type { BenchCase } from "../bench/cases.ts";
import type { Ceilings } from "../bench/ceilings.ts";
import type { FusionRow } from "../bench/fusion.ts";
import type { HookRow } from "../bench/hooks.ts";
import type { CaseResult } from "../bench/measure.ts";
import type { PeerName } from "../bench/peers/peer.ts";
import type { ScalingResult } from "../bench/scaling.ts";

/** What the page of `npm run bench` and the terminal tell each other; all of it JSON. */

/** A peer's package as installed: its version, and the URLs of the files to load, in order. */
export interface PeerPackage {
  readonly name: PeerName;
  readonly version: string;
  readonly urls: readonly string[];
}

export interface CaseRequest {
  readonly name: BenchCase["name"];
  readonly peers: readonly PeerPackage[];
  readonly rounds: number;
  readonly sampleMs: number;
  readonly budgetMs: number;
}

export interface CeilingsRequest {
  readonly rounds: number;
  readonly sampleMs: number;
}

export interface FusionRequest {
  /** A case that is a step. */
  readonly name: BenchCase["name"];
  readonly rounds: number;
  readonly sampleMs: number;
  readonly budgetMs: number;
}

/** A step to be trained with and without callbacks. */
export type HooksRequest = FusionRequest;

export interface ScalingRequest extends Omit<FusionRequest, "name"> {
  readonly series: "batch" | "width";
  readonly index: number;
}

export interface CeilingsAnswer {
  readonly adapter: string;
  readonly software: boolean;
  readonly browser: string;
  readonly subgroups: string;
  readonly ceilings: Ceilings;
}

/** What a built page took: its files, and one load for each fresh browser. */
export interface PageMeasurement {
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly gzip: number }[];
  /** From the start of navigation to the result, and the result. Units  milliseconds */
  readonly runs: readonly { readonly ms: number; readonly result: unknown }[];
}

/** The file of `--json`. */
export interface BenchFile {
  readonly date: string;
  readonly adapter: string;
  readonly browser: string;
  readonly peers: readonly { readonly name: string; readonly version: string }[];
  readonly ceilings: Ceilings;
  readonly cases: readonly CaseResult[];
  /** Size of the page that trains mnist-cnn, and time to its first step; absent where it was not asked for. */
  readonly page?: PageMeasurement;
  readonly fusion?: readonly { readonly name: string; readonly rows: readonly FusionRow[] }[];
  readonly scaling?: readonly ScalingResult[];
  readonly hooks?: readonly { readonly name: string; readonly rows: readonly HookRow[] }[];
}
