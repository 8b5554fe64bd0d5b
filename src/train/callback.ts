import type { GroupNumbers } from "../optim/hyper-schedules.ts";
import type { Learner } from "./learner.ts";
import type { ProbeRequest, ProbeResult } from "./probes.ts";

/** Ends the batch: it is not sent to the device. */
export class CancelBatch extends Error {}
/** Ends the epoch; validation and `afterEpoch` follow. */
export class CancelEpoch extends Error {}
/** Ends training; `afterFit` follows. */
export class CancelFit extends Error {}

/** Scalars of one finished step, in step order. */
export interface StepRecord {
  /** Optimizer steps before this one, over the learner's life. */
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  /** Of the last parameter group, which holds the rest. */
  readonly lr: number;
  readonly momentum: number;
  /** All hyper-parameters by parameter group, the rest last. */
  readonly groups: readonly Readonly<GroupNumbers>[];
  /** Metrics of the training batch, where the learner records them. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Statistics that callbacks asked of this step. */
  readonly probes?: readonly ProbeResult[];
}

/** Result of one epoch. */
export interface EpochRecord {
  readonly epoch: number;
  /** Mean over the epoch's batches. */
  readonly trainLoss: number;
  /** NaN without validation data. */
  readonly validLoss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** Loss and metrics over a data set. */
export interface ValidationResult {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** What hooks see. Host hooks run when a step is encoded: they may set lr and momentum, count and cancel. */
export interface FitContext {
  readonly learner: Learner;
  readonly epochs: number;
  readonly batches: number;
  epoch: number;
  /** Batch within the epoch. */
  batch: number;
  /** Optimizer steps before this one, over the learner's life. */
  step: number;
  /** Numbers of the step about to be encoded by parameter group, the rest last; `beforeBatch` may change them. */
  readonly groups: readonly GroupNumbers[];
  /** lr of the last group; setting it sets every group's to that times its lrFactor. */
  lr: number;
  /** Momentum of the last group; setting it sets every group's. */
  momentum: number;
  /** Result of the last epoch, in `afterEpoch`. */
  result: EpochRecord | undefined;
}

/**
 * Hooks into training, as fastai's in camelCase. GPU values are not there when a step is encoded; they arrive in step
 * order through `onRecord`. `afterEpoch` and `afterFit` run when all records have arrived.
 */
export interface Callback {
  readonly name: string;
  /** Lower runs first; default 0. */
  readonly order?: number;
  /** Statistics of activations, gradients and weights it wants, read when a fit begins. */
  readonly probes?: readonly ProbeRequest[];
  beforeFit?(context: FitContext): void | Promise<void>;
  beforeEpoch?(context: FitContext): void | Promise<void>;
  /** May wait, which pauses training: nothing is sent to the device meanwhile. */
  beforeBatch?(context: FitContext): void | Promise<void>;
  afterBatch?(context: FitContext): void;
  onRecord?(record: StepRecord, context: FitContext): void;
  beforeValidate?(context: FitContext): void | Promise<void>;
  afterValidate?(result: ValidationResult, context: FitContext): void | Promise<void>;
  afterEpoch?(context: FitContext): void | Promise<void>;
  afterFit?(context: FitContext): void | Promise<void>;
}

/** Callbacks in their order: by `order`, then as added. */
export function inOrder(callbacks: readonly Callback[]): Callback[] {
  return callbacks
    .map((callback, index) => ({ callback, index }))
    .sort((a, b) => (a.callback.order ?? 0) - (b.callback.order ?? 0) || a.index - b.index)
    .map(({ callback }) => callback);
}
