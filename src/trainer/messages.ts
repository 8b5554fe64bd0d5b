import type { JobMessage, LiveHypers, TrainingSetup } from "./job.ts";

/** What a page asks of the training, in a worker or beside it. */
export type Command =
  | { readonly type: "start"; readonly setup: TrainingSetup }
  | { readonly type: "pause" | "resume" | "step" | "stop" }
  | { readonly type: "hypers"; readonly live: LiveHypers }
  | { readonly type: "weights"; readonly id: number };

/** Why training has ended, as plain data. */
export interface Failure {
  /** True where there is no WebGPU device. */
  readonly noDevice: boolean;
  readonly problem: string;
  readonly got?: string;
  /** What helps. */
  readonly fix?: string;
}

export type SessionMessage =
  | JobMessage
  | { readonly type: "failed"; readonly failure: Failure }
  | { readonly type: "weights"; readonly id: number; readonly file: Uint8Array<ArrayBuffer> | undefined };
