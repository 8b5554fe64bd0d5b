import type { DataSet } from "../data/data-set.ts";
import type { ValidationResult } from "./callback.ts";
import { LOSS_COLUMN } from "./graphs.ts";
import type { Learner } from "./learner.ts";
import type { Variant } from "./program.ts";

/**
 * Batch size of an evaluation: one near the training batch that divides the examples, so that a single plan serves;
 * else the training batch, and a second plan for the rest.
 */
export function evaluationBatch(count: number, batch: number): number {
  if (count <= batch) return count;
  for (let size = Math.min(count, 2 * batch); size > batch / 2; size--) if (count % size === 0) return size;
  return batch;
}

/** Plans of an evaluation: for whole batches, and for the rest where there is one. */
export async function evaluationPlans(
  { program, probes }: Learner,
  split: string,
  data: DataSet,
  batch: number,
  variant?: Variant,
) {
  for (const due of probes.combinations("valid", 0, Math.floor(data.count / batch))) {
    await program.evaluate(split, data, batch, variant, due);
  }
  const tail = data.count % batch;
  const full = await program.evaluate(split, data, batch, variant);
  return { full, rest: tail ? await program.evaluate(split, data, tail, variant) : full };
}

/** Means of loss and metrics over every example, each batch weighted by its true size. */
export async function validateSplit(
  learner: Learner,
  split: string,
  data: DataSet,
  batch: number,
): Promise<ValidationResult> {
  const { program, probes } = learner;
  const metrics = learner.options.metrics ?? [];
  const totals = new Float64Array(1 + metrics.length);
  const { full, rest } = await evaluationPlans(learner, split, data, batch);
  // Training shuffles its order; evaluating the training data takes that order, which holds every example once too.
  for (let start = 0; start < data.count; start += batch) {
    const size = Math.min(batch, data.count - start);
    const row = { step: learner.steps, seed: learner.options.seed, batchStart: start, batchSize: size };
    const index = start / batch;
    const due = size === batch ? probes.due("valid", index) : [];
    const probed = due.length ? await program.evaluate(split, data, batch, program.variant, due) : full;
    const plan = size === batch ? probed : rest;
    const moment = { split: "valid", step: learner.steps, epoch: learner.epochs - 1, batch: index } as const;
    await learner.feeder.add(plan, row, (scalars, bytes) => {
      if (due.length) probes.deliver(program.planned(plan), bytes, moment);
      for (let i = 0; i < totals.length; i++) totals[i]! += scalars[LOSS_COLUMN + i]! * size;
    });
  }
  await learner.feeder.drain();
  return {
    loss: totals[0]! / data.count,
    metrics: Object.fromEntries(metrics.map(({ name }, i) => [name, totals[1 + i]! / data.count])),
  };
}
