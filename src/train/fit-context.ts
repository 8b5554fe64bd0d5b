import type { GroupNumbers } from "../optim/hyper-schedules.ts";
import type { StepRow } from "../plan/step-row.ts";
import type { EpochRecord, FitContext } from "./callback.ts";
import type { Learner } from "./learner.ts";

/** A step as it was sent: enough to send it again, bit for bit. */
export interface SentStep {
  readonly plan: string;
  readonly row: StepRow;
  /** Epoch of the learner's life, which decides the order of examples. */
  readonly epoch: number;
}

/** Where a fit is; what its callbacks see. */
export class FitState implements FitContext {
  readonly learner: Learner;
  readonly epochs: number;
  readonly batches: number;
  epoch = 0;
  batch = 0;
  step: number;
  groups: readonly GroupNumbers[];
  result: EpochRecord | undefined;
  /** Every step that was sent, where a callback wants to send some of them again. */
  trail: SentStep[] | undefined;

  constructor(learner: Learner, epochs: number, groups: readonly GroupNumbers[]) {
    this.learner = learner;
    this.epochs = epochs;
    this.batches = learner.batchesPerEpoch;
    this.step = learner.steps;
    this.groups = groups;
  }

  get lr(): number {
    return this.groups.at(-1)!.lr;
  }

  set lr(value: number) {
    const { groups } = this.learner.optimizer;
    for (const [i, numbers] of this.groups.entries()) numbers.lr = value * (groups[i]?.lrFactor ?? 1);
  }

  get momentum(): number {
    return this.groups.at(-1)!.momentum;
  }

  set momentum(value: number) {
    for (const numbers of this.groups) numbers.momentum = value;
  }
}
