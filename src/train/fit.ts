import type { StepSchedule } from "../optim/hyper-schedules.ts";
import { checkHypers, groupHypers } from "../optim/optimizer.ts";
import {
  type Callback,
  CancelBatch,
  CancelEpoch,
  CancelFit,
  type EpochRecord,
  inOrder,
  type StepRecord,
} from "./callback.ts";
import { FitState } from "./fit-context.ts";
import { LOSS_COLUMN } from "./graphs.ts";
import type { Learner, TrainingPlans } from "./learner.ts";
import { ProbeSet } from "./probe-set.ts";
import type { ProbeRequest } from "./probes.ts";

/** What one fit keeps at hand. */
interface Fit {
  readonly learner: Learner;
  readonly context: FitState;
  readonly callbacks: readonly Callback[];
  readonly schedule: StepSchedule;
  /** Step within this fit: the schedule's own position. */
  position: number;
  plans: TrainingPlans;
}

/** The training loop: epochs of batches, encoded ahead of the device; records arrive later and in order. */
export async function fitLoop(learner: Learner, epochs: number, schedule: StepSchedule): Promise<void> {
  const context = new FitState(learner, epochs, groupHypers(learner.optimizer, schedule(0)));
  const callbacks = inOrder(learner.callbacks);
  await learner.tuning.start();
  learner.probes = new ProbeSet(callbacks, learner.steps + epochs * learner.stepsPerEpoch);
  const plans = await learner.preparePlans();
  const fit: Fit = { learner, context, callbacks, schedule, position: 0, plans };
  for (const callback of fit.callbacks) await callback.beforeFit?.(context);
  try {
    for (let epoch = 0; epoch < epochs; epoch++) await runEpoch(fit, epoch);
  } catch (error) {
    if (!(error instanceof CancelFit)) throw error;
  } finally {
    await learner.feeder.drain();
    learner.probes = new ProbeSet([]);
  }
  for (const callback of fit.callbacks) await callback.afterFit?.(context);
}

async function runEpoch(fit: Fit, epoch: number): Promise<void> {
  const { learner, context, callbacks } = fit;
  const started = performance.now();
  const losses = { sum: 0, count: 0 };
  context.epoch = epoch;
  context.batch = 0;
  try {
    for (const callback of callbacks) await callback.beforeEpoch?.(context);
    learner.shuffle(learner.epochs++);
    await runBatches(fit, losses);
  } catch (error) {
    if (!(error instanceof CancelEpoch)) throw error;
  }
  await learner.feeder.drain();
  const validation = await validate(fit);
  const result: EpochRecord = {
    epoch,
    trainLoss: losses.count ? losses.sum / losses.count : Number.NaN,
    validLoss: validation?.loss ?? Number.NaN,
    metrics: validation?.metrics ?? {},
    seconds: (performance.now() - started) / 1000,
  };
  context.result = result;
  learner.run.addEpoch(result);
  for (const callback of callbacks) await callback.afterEpoch?.(context);
}

async function validate({ learner, context, callbacks }: Fit) {
  if (!learner.options.data.valid) return undefined;
  for (const callback of callbacks) await callback.beforeValidate?.(context);
  const result = await learner.validate("valid");
  for (const callback of callbacks) await callback.afterValidate?.(result, context);
  return result;
}

async function runBatches(fit: Fit, losses: { sum: number; count: number }): Promise<void> {
  const { learner, context, callbacks } = fit;
  const { accumulate } = learner.options;
  for (let batch = 0; batch < context.batches; batch++) {
    const micro = batch % accumulate;
    context.batch = batch;
    context.step = learner.steps;
    if (micro === 0 && learner.tuning.isDue(learner.steps)) await swapPlans(fit);
    context.groups = groupHypers(learner.optimizer, fit.schedule(fit.position));
    try {
      for (const callback of callbacks) await callback.beforeBatch?.(context);
      await sendBatch(fit, batch, micro, losses);
      for (const callback of callbacks) callback.afterBatch?.(context);
    } catch (error) {
      if (!(error instanceof CancelBatch)) throw error;
    }
  }
}

/** Goes over to plans with other kernels, after all steps of the old ones have been sent. */
async function swapPlans(fit: Fit): Promise<void> {
  const { learner } = fit;
  await learner.feeder.flush();
  await learner.tuning.swap(learner.steps);
  fit.plans = await learner.preparePlans();
}

async function sendBatch(
  fit: Fit,
  batch: number,
  micro: number,
  losses: { sum: number; count: number },
): Promise<void> {
  const { learner, context, plans } = fit;
  const { accumulate, seed } = learner.options;
  const { step, lr, momentum, epoch, groups } = context;
  for (const [i, group] of groups.entries()) checkHypers(learner.optimizer, group, i);
  const isTail = plans.tail !== undefined && batch === context.batches - 1;
  const row = {
    step,
    seed,
    optimizerStep: step,
    micro,
    accumulate: micro > 0,
    batchStart: batch * learner.batchSize,
    batchSize: isTail ? plans.tail!.size : learner.batchSize,
    groups,
  };
  const { probes } = learner;
  const due = isTail || micro > 0 ? [] : probes.due("train", step);
  const full = due.length ? await probedPlan(learner, due) : plans.full;
  const plan = isTail ? plans.tail!.plan : full;
  await learner.feeder.add(plan, row, (scalars, bytes) => {
    const loss = scalars[LOSS_COLUMN]!;
    losses.sum += loss;
    losses.count++;
    const moment = { split: "train", step, epoch, batch } as const;
    const record: StepRecord = {
      ...{ step, epoch, loss, lr, momentum, groups, metrics: trainMetrics(learner, scalars) },
      ...(due.length && { probes: probes.deliver(learner.program.planned(plan), bytes, moment) }),
    };
    learner.run.addStep(record);
    for (const callback of fit.callbacks) callback.onRecord?.(record, context);
  });
  if (micro === accumulate - 1 || batch === context.batches - 1) {
    if (plans.update) await learner.feeder.add(plans.update, row);
    learner.steps++;
    fit.position++;
  }
}

/** The step with statistics, made ready before the first. */
function probedPlan({ program, options, batchSize }: Learner, due: readonly ProbeRequest[]): Promise<string> {
  return program.step("train", options.data.train, batchSize, program.variant, due);
}

function trainMetrics(learner: Learner, scalars: Float32Array): Record<string, number> {
  if (!learner.options.trainMetrics) return {};
  const metrics = learner.options.metrics ?? [];
  return Object.fromEntries(metrics.map(({ name }, i) => [name, scalars[LOSS_COLUMN + 1 + i]!]));
}
