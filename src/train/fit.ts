import { OptionError } from "../core/errors.ts";
import type { StepSchedule } from "../optim/hyper-schedules.ts";
import { checkHypers, groupHypers } from "../optim/optimizer.ts";
import type { StepRow } from "../plan/step-row.ts";
import {
  type Callback,
  Cancel,
  CancelBatch,
  CancelEpoch,
  CancelFit,
  CancelTrain,
  CancelValidate,
  HookList,
  type StepRecord,
  type ValidationResult,
} from "./callback.ts";
import { FitState } from "./fit-context.ts";
import { LOSS_COLUMN } from "./graphs.ts";
import type { Learner, TrainingPlans } from "./learner.ts";
import { SCALE_COLUMN } from "./loss-scale.ts";
import { ProbeSet } from "./probe-set.ts";
import type { ProbeRequest } from "./probes.ts";
import type { RunLog } from "./run.ts";

/** What a fit tells, and whom. */
export interface FitListeners {
  readonly run: RunLog;
  readonly callbacks: readonly Callback[];
}

/** What one fit keeps at hand. */
interface Fit {
  readonly learner: Learner;
  readonly context: FitState;
  readonly hooks: HookList;
  readonly onRecord: readonly NonNullable<Callback["onRecord"]>[];
  readonly run: RunLog;
  readonly schedule: StepSchedule;
  plans: TrainingPlans;
  /** Micro-batches whose gradients wait for an update. */
  micro: number;
  /** What an `onRecord` threw; it takes effect where the loop next looks. */
  pending: unknown;
  /** A callback failed: none is called any more, but the run still gets the records of steps that were sent. */
  hasFailed: boolean;
  /** Of the epoch. */
  losses: { sum: number; count: number };
}

/** The training loop: epochs of batches, encoded ahead of the device; records arrive later and in order. */
export async function fitLoop(
  learner: Learner,
  epochs: number,
  schedule: StepSchedule,
  { run, callbacks }: FitListeners = learner,
): Promise<void> {
  const context = new FitState(learner, epochs, groupHypers(learner.optimizer, schedule(0)));
  await learner.tuning.start();
  learner.probes = new ProbeSet(callbacks, learner.steps + epochs * learner.stepsPerEpoch);
  const plans = await learner.preparePlans();
  const hooks = new HookList(callbacks);
  const fit: Fit = {
    ...{ learner, context, hooks, onRecord: hooks.get("onRecord"), run, schedule, plans },
    ...{ micro: 0, pending: undefined, hasFailed: false, losses: { sum: 0, count: 0 } },
  };
  try {
    await within(fit, "Fit", CancelFit, async () => {
      for (let epoch = 0; epoch < epochs; epoch++) await runEpoch(fit, epoch);
    });
  } catch (error) {
    // The steps that were sent end as they would have; what went wrong first is what is told.
    fit.hasFailed = true;
    await learner.feeder.drain().catch(() => {});
    throw error;
  } finally {
    learner.probes = new ProbeSet([]);
  }
}

/**
 * One part of a fit between its `before` and `after` hooks, ended early by its own signal. `finish` runs before the
 * `after` hooks. Every record has arrived when they are called.
 */
async function within(
  fit: Fit,
  event: "Fit" | "Epoch" | "Train",
  Signal: new () => Cancel,
  body: () => Promise<void>,
  finish?: () => void,
): Promise<void> {
  const { hooks, context } = fit;
  try {
    await hooks.call(`before${event}`, context);
    await body();
    await settle(fit);
  } catch (error) {
    if (!(error instanceof Signal)) throw error;
    await settle(fit, Signal);
    await hooks.call(`afterCancel${event}`, context);
  }
  finish?.();
  await hooks.call(`after${event}`, context);
}

/** Waits for the records of all steps that were sent. Errors  what a hook threw at one of them, but for `except` */
async function settle(fit: Fit, except?: new () => Cancel): Promise<void> {
  await fit.learner.feeder.drain();
  if (except && fit.pending instanceof except) fit.pending = undefined;
  throwPending(fit);
}

function throwPending(fit: Fit): void {
  const { pending } = fit;
  if (pending === undefined) return;
  fit.pending = undefined;
  throw pending;
}

async function runEpoch(fit: Fit, epoch: number): Promise<void> {
  const { context, run } = fit;
  const started = performance.now();
  context.epoch = epoch;
  context.batch = 0;
  context.result = undefined;
  fit.losses = { sum: 0, count: 0 };
  let validation: ValidationResult | undefined;
  await within(
    fit,
    "Epoch",
    CancelEpoch,
    async () => {
      await within(fit, "Train", CancelTrain, () => runBatches(fit));
      validation = await validate(fit);
    },
    () => {
      const { sum, count } = fit.losses;
      context.result = {
        epoch,
        trainLoss: count ? sum / count : Number.NaN,
        validLoss: validation?.loss ?? Number.NaN,
        metrics: validation?.metrics ?? {},
        seconds: (performance.now() - started) / 1000,
      };
      run.addEpoch(context.result);
    },
  );
}

async function validate(fit: Fit): Promise<ValidationResult | undefined> {
  const { learner, context, hooks } = fit;
  if (!learner.options.data.valid) return undefined;
  let result: ValidationResult = { loss: Number.NaN, metrics: {} };
  try {
    await hooks.call("beforeValidate", context);
    result = await learner.validate("valid");
  } catch (error) {
    if (!(error instanceof CancelValidate)) throw error;
    await hooks.call("afterCancelValidate", context);
  }
  for (const hook of hooks.get("afterValidate")) await hook(result, context);
  return result;
}

async function runBatches(fit: Fit): Promise<void> {
  const { learner, context, hooks } = fit;
  const { accumulate } = learner.options;
  learner.shuffle(learner.epochs++);
  fit.micro = 0;
  for (let batch = 0; batch < context.batches; batch++) {
    context.batch = batch;
    context.step = learner.steps;
    throwPending(fit);
    if (fit.micro === 0 && learner.tuning.isDue(learner.steps)) await swapPlans(fit);
    if (batch > 0 || context.epoch > 0) learner.tuning.begin();
    const position = context.epoch * learner.stepsPerEpoch + Math.floor(batch / accumulate);
    context.groups = groupHypers(learner.optimizer, fit.schedule(position));
    try {
      // Nothing is awaited where no hook waits.
      const before = hooks.call("beforeBatch", context);
      if (before) await before;
      await sendBatch(fit, batch);
    } catch (error) {
      if (!(error instanceof CancelBatch)) throw error;
      const cancelled = hooks.call("afterCancelBatch", context);
      if (cancelled) await cancelled;
    }
    const isStepEnd = batch % accumulate === accumulate - 1 || batch === context.batches - 1;
    if (isStepEnd && fit.micro > 0) await endStep(fit);
    const after = hooks.call("afterBatch", context);
    if (after) await after;
  }
}

/** Goes over to plans with other kernels, after all steps of the old ones have been sent. */
async function swapPlans(fit: Fit): Promise<void> {
  const { learner } = fit;
  await learner.feeder.flush();
  await learner.tuning.swap(learner.steps);
  fit.plans = await learner.preparePlans();
}

async function sendBatch(fit: Fit, batch: number): Promise<void> {
  const { learner, context, plans } = fit;
  const { step, epoch, groups } = context;
  for (let i = 0; i < groups.length; i++) checkHypers(learner.optimizer, groups[i]!, i);
  const isTail = plans.tail !== undefined && batch === context.batches - 1;
  const row: StepRow = {
    step,
    seed: learner.options.seed,
    optimizerStep: step,
    micro: fit.micro,
    accumulate: fit.micro > 0,
    batchStart: batch * learner.batchSize,
    batchSize: isTail ? plans.tail!.size : learner.batchSize,
    groups,
  };
  const { probes, program } = learner;
  const due = isTail || fit.micro > 0 ? NOTHING_DUE : probes.due("train", step);
  fit.micro++;
  const full = due.length ? await probedPlan(learner, due) : plans.full;
  const plan = isTail ? plans.tail!.plan : full;
  context.trail?.push({ plan, row, epoch: learner.epochs - 1 });
  await learner.feeder.add(plan, row, (scalars, bytes) => {
    const { lr, momentum } = groups[groups.length - 1]!;
    const record: StepRecord = {
      ...{ step, epoch, loss: scalars[LOSS_COLUMN]!, lr, momentum, groups },
      metrics: trainMetrics(learner, scalars),
      ...(learner.options.lossScale && { lossScale: scalars[SCALE_COLUMN]! }),
      ...(due.length && {
        probes: probes.deliver(program.planned(plan), bytes, { split: "train", step, epoch, batch }),
      }),
    };
    receive(fit, record);
  });
}

const NOTHING_DUE: readonly ProbeRequest[] = [];

/** The step with statistics, made ready before the first. */
function probedPlan({ program, options, batchSize }: Learner, due: readonly ProbeRequest[]): Promise<string> {
  return program.step("train", options.data.train, batchSize, program.variant, due);
}

/** The update of accumulated gradients, where it is a plan of its own; the step ends. */
async function endStep(fit: Fit): Promise<void> {
  const { learner, plans, context } = fit;
  if (plans.update) {
    const { step, groups } = context;
    const row: StepRow = { step, seed: learner.options.seed, optimizerStep: step, groups };
    context.trail?.push({ plan: plans.update, row, epoch: learner.epochs - 1 });
    await learner.feeder.add(plans.update, row);
  }
  learner.steps++;
  fit.micro = 0;
}

/** A record has arrived: into the run, then to the callbacks. What they throw must not stop the records behind it. */
function receive(fit: Fit, record: StepRecord): void {
  fit.losses.sum += record.loss;
  fit.losses.count++;
  fit.run.addStep(record);
  for (const hook of fit.onRecord) {
    if (fit.hasFailed) return;
    try {
      hook(record, fit.context);
    } catch (error) {
      const signal = tooLate(error);
      fit.hasFailed = !(signal instanceof Cancel);
      if (fit.hasFailed || fit.pending === undefined) fit.pending = signal;
    }
  }
}

/** A batch that has been recorded cannot be cancelled, nor a validation that has not begun. */
function tooLate(error: unknown): unknown {
  if (!(error instanceof CancelBatch || error instanceof CancelValidate)) return error;
  return new OptionError({
    op: "onRecord",
    problem: "signal",
    expected: "CancelTrain, CancelEpoch or CancelFit",
    got: error.constructor.name,
    fix: "throw it in beforeBatch or beforeValidate",
  });
}

const NO_METRICS: Readonly<Record<string, number>> = Object.freeze({});

function trainMetrics(learner: Learner, scalars: Float32Array): Readonly<Record<string, number>> {
  if (!learner.options.trainMetrics) return NO_METRICS;
  const metrics = learner.options.metrics ?? [];
  return Object.fromEntries(metrics.map(({ name }, i) => [name, scalars[LOSS_COLUMN + 1 + i]!]));
}
