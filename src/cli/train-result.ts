import type { TrainingProgress } from "../train/callbacks/progress.ts";
import type { ScheduleName } from "./options.ts";

/** What the page of `npm run train` and the terminal tell each other; all of it JSON. */

/** One line of an epoch. `epoch` counts from 1. */
export interface EpochResult {
  readonly epoch: number;
  readonly trainLoss: number;
  readonly validLoss: number;
  /** Share of the validation examples. */
  readonly validAccuracy: number;
  /** Training and validation. */
  readonly seconds: number;
}

/** Result of one seed, as the file of `--json` holds it. */
export interface RunResult {
  readonly adapter: string;
  readonly model: string;
  readonly seed: number;
  readonly parameters: number;
  readonly epochs: readonly EpochResult[];
  /** Optimizer steps. */
  readonly steps: number;
  /** Mean over all training steps, with the drawing of generated images, without compiling and validation. */
  readonly msPerStep: number;
  /** Of --test. */
  readonly test?: TestResult;
  /** One number per step. */
  readonly history: {
    readonly loss: readonly number[];
    readonly lr: readonly number[];
    readonly momentum: readonly number[];
  };
}

/** What a trained model makes of images that it was neither trained nor validated on. */
export interface TestResult {
  readonly images: number;
  /** Share of them. */
  readonly accuracy: number;
}

export interface PrepareRequest {
  readonly model: string;
  /** Names of IDX files served under `DATA_URL`; null: the built-in data. */
  readonly files: readonly string[] | null;
  /** Built-in training images of an epoch. */
  readonly examples: number;
  /** The last examples validate; null: as the files say. */
  readonly valid: number | null;
  /** Names of IDX files to test on, served under `TEST_URL`; null: none. */
  readonly test: readonly string[] | null;
}

/** What will be trained on what. */
export interface Prepared {
  readonly adapter: string;
  readonly software: boolean;
  readonly train: number;
  readonly valid: number;
  /** Of one example. */
  readonly shape: readonly number[];
  readonly classes: number;
}

export interface TrainRequest {
  readonly model: string;
  readonly seed: number;
  readonly epochs: number;
  readonly batch: number;
  readonly lrMax: number;
  readonly schedule: ScheduleName;
  /** Name of the run's TensorBoard log; null: none. */
  readonly log: string | null;
}

/** A piece of a TensorBoard log on its way from the page to the disk. */
export interface LogChunk {
  readonly run: string;
  /** Base64. */
  readonly data: string;
}

/** Name of the function that the page calls with every piece of a log. */
export const LOG_FUNCTION = "wgfitLogChunk";

/** What happens during a call of the page. */
export type TrainEvent =
  | { readonly type: "progress"; readonly progress: TrainingProgress }
  | { readonly type: "epoch"; readonly epochs: number; readonly result: EpochResult }
  | { readonly type: "test"; readonly result: TestResult }
  | { readonly type: "note"; readonly text: string };

/** Answer of the page: its value, or the error it ended with (an exception would lose its name on the way). */
export type Answer<T> =
  | { readonly value: T }
  | { readonly error: { readonly name: string; readonly message: string } };

/** Name of the function that the page calls with every event. */
export const EVENT_FUNCTION = "wgfitTrainEvent";

/** URL under which the page finds the files. */
export const DATA_URL = "/@train-data";

/** The same for the files to test on. */
export const TEST_URL = "/@test-data";
