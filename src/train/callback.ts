import { OptionError } from "../core/errors.ts";
import type { OptionNames } from "../core/known-options.ts";
import { nearest } from "../core/nearest.ts";
import type { GroupNumbers } from "../optim/hyper-schedules.ts";
import type { Learner } from "./learner.ts";
import type { ProbeRequest, ProbeResult } from "./probes.ts";
import type { StepChange } from "./step-changes.ts";

/** A signal of a callback: ends a part of the fit, whose `afterCancel...` and `after...` hooks follow. */
export class Cancel extends Error {}
/** The batch is not sent to the device. */
export class CancelBatch extends Cancel {}
/** Ends the epoch's training; validation follows. */
export class CancelTrain extends Cancel {}
/** Ends or leaves out the validation; its result is NaN. */
export class CancelValidate extends Cancel {}
/** Ends the epoch, without validation. */
export class CancelEpoch extends Cancel {}
/** Ends the fit. */
export class CancelFit extends Cancel {}

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
  /** Scale of the loss in this step, where the learner has one. */
  readonly lossScale?: number;
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

/** A hook that may wait, which pauses training: nothing is sent to the device meanwhile. */
type Hook = (context: FitContext) => void | Promise<void>;

/**
 * Hooks into training, as fastai's in camelCase. They run when a step is encoded, before the device has done it; GPU
 * values arrive later, in step order, through `onRecord`. All records have arrived when `afterTrain`, `afterValidate`,
 * `afterEpoch`, `afterFit` and the `afterCancel` hooks of these run. As in fastai, an `after` hook follows its
 * `afterCancel`.
 */
export interface Hooks {
  beforeFit?: Hook;
  beforeEpoch?: Hook;
  beforeTrain?: Hook;
  beforeBatch?: Hook;
  afterBatch?: Hook;
  afterTrain?: Hook;
  /** Scalars of a finished step. A Cancel signal thrown here takes effect before the next batch is encoded. */
  onRecord?(record: StepRecord, context: FitContext): void;
  beforeValidate?: Hook;
  afterValidate?(result: ValidationResult, context: FitContext): void | Promise<void>;
  afterEpoch?: Hook;
  afterFit?: Hook;
  afterCancelBatch?: Hook;
  afterCancelTrain?: Hook;
  afterCancelValidate?: Hook;
  afterCancelEpoch?: Hook;
  afterCancelFit?: Hook;
}

export type HookName = keyof Hooks;

/** Something that follows a fit and may steer it: hooks under a name, statistics, additions to the compiled step. */
export interface Callback extends Hooks, StepChange {
  readonly name: string;
  /** Lower runs first; default 0. */
  readonly order?: number;
  /** Statistics of activations, gradients and weights it wants, read when a fit begins. */
  readonly probes?: readonly ProbeRequest[];
}

const HOOKS: OptionNames<Hooks> = {
  ...{ beforeFit: true, beforeEpoch: true, beforeTrain: true, beforeBatch: true, afterBatch: true },
  ...{ afterTrain: true, onRecord: true, beforeValidate: true, afterValidate: true, afterEpoch: true },
  ...{ afterFit: true, afterCancelBatch: true, afterCancelTrain: true, afterCancelValidate: true },
  ...{ afterCancelEpoch: true, afterCancelFit: true },
};

type Part = "batch" | "epoch" | "train" | "validate" | "fit" | "record";

type LooksLikeHook<Name extends string> =
  Lowercase<Name> extends Part
    ? false
    : Lowercase<Name> extends `${"before" | "after" | "on"}${string}` | `${string}${Part}`
      ? true
      : false;

const LOOKS_LIKE_HOOK = /^(before|after|on)|.(batch|epoch|train|validate|fit|record)$/i;

/** Methods that look like hooks but are none do not compile: a misspelt hook would never be called. */
export type CheckedHooks<C> = {
  [Name in keyof C]: Name extends keyof Callback
    ? C[Name]
    : C[Name] extends (...values: never[]) => unknown
      ? Name extends string
        ? LooksLikeHook<Name> extends true
          ? "this is no hook of Callback: is it misspelt?"
          : C[Name]
        : C[Name]
      : C[Name];
};

/**
 * Refuses methods that look like hooks but are none.
 * Errors  OptionError naming the nearest hook
 */
export function checkHooks(callback: Callback): void {
  for (let level: object | null = callback; level && level !== Object.prototype; ) {
    for (const name of Object.getOwnPropertyNames(level)) {
      const method: unknown = Object.getOwnPropertyDescriptor(level, name)?.value;
      if (typeof method !== "function" || !LOOKS_LIKE_HOOK.test(name)) continue;
      if (name in HOOKS || level.constructor === method) continue;
      throw new OptionError({
        op: `callback ${callback.name}`,
        problem: "unknown hook",
        expected: nearest(name, Object.keys(HOOKS)) ?? Object.keys(HOOKS).join(", "),
        got: name,
      });
    }
    level = Object.getPrototypeOf(level) as object | null;
  }
}

/** The hooks of a fit's callbacks: by `order`, then as added. Only those that exist are called. */
export class HookList {
  readonly #hooks = new Map<HookName, readonly ((...values: never[]) => unknown)[]>();

  constructor(callbacks: readonly Callback[]) {
    const ordered = callbacks
      .map((callback, index) => ({ callback, index }))
      .sort((a, b) => (a.callback.order ?? 0) - (b.callback.order ?? 0) || a.index - b.index);
    for (const name of Object.keys(HOOKS) as HookName[]) {
      const found = ordered.flatMap(({ callback }) => {
        const hook = callback[name];
        return hook ? [hook.bind(callback) as (...values: never[]) => unknown] : [];
      });
      this.#hooks.set(name, found);
    }
  }

  /** All hooks of a name, for those that take more than the context. */
  get<Name extends HookName>(name: Name): readonly NonNullable<Hooks[Name]>[] {
    return this.#hooks.get(name) as readonly NonNullable<Hooks[Name]>[];
  }

  /** Calls the hooks of a name one after another; a promise only where one of them waits. */
  call(
    name: Exclude<HookName, "onRecord" | "afterValidate">,
    context: FitContext,
  ): Promise<void> | undefined {
    const hooks = this.get(name);
    for (let i = 0; i < hooks.length; i++) {
      const waits = hooks[i]!(context);
      if (waits) return callRest(waits, hooks, i + 1, context);
    }
    return undefined;
  }
}

async function callRest(first: Promise<void>, hooks: readonly Hook[], next: number, context: FitContext) {
  await first;
  for (const hook of hooks.slice(next)) await hook(context);
}
