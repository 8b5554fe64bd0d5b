import { OptionError } from "../core/errors.ts";
import { scope } from "../graph/trace.ts";
import type { Loss } from "../nn/losses.ts";
import type { Values } from "../nn/module.ts";
import type { Optimizer } from "../optim/optimizer.ts";

/** A batch in a training step, as symbolic values, and the loss it is measured by. */
export interface TrainingBatch {
  readonly inputs: Values;
  readonly targets: Values;
  readonly loss: Loss;
}

/** What a callback adds to the compiled training step. Both run while the step is captured, not while it trains. */
export interface StepChange {
  readonly name: string;
  /** Changes every training batch on the device, with graph code: operators, random numbers by seed, step and path. */
  batch?(batch: TrainingBatch): TrainingBatch;
  /** Changes the optimizer's settings, such as clipping. */
  optimizer?(optimizer: Optimizer): Optimizer;
}

/** Those of some callbacks that add to the compiled step. */
export function stepChanges(callbacks: readonly StepChange[]): readonly StepChange[] {
  return callbacks.filter(({ batch, optimizer }) => batch || optimizer);
}

/** The batch after all changes, each under a path of its name. */
export function changedBatch(changes: readonly StepChange[], batch: TrainingBatch): TrainingBatch {
  return changes.reduce(
    (current, change) => (change.batch ? scope(change.name, () => change.batch!(current)) : current),
    batch,
  );
}

/** The optimizer after all changes. Errors  OptionError for a change of what is kept in memory */
export function changedOptimizer(changes: readonly StepChange[], optimizer: Optimizer): Optimizer {
  const changed = changes.reduce((current, change) => change.optimizer?.(current) ?? current, optimizer);
  for (const key of ["kind", "velocity", "groups"] as const) {
    if (changed[key] === optimizer[key]) continue;
    throw new OptionError({
      op: "callback",
      problem: `${key} of the optimizer`,
      expected: "to stay as it is",
      got: "another",
      fix: "make a Learner with that optimizer",
    });
  }
  return changed;
}

const ids = new WeakMap<StepChange, number>();
let nextId = 1;

/** Part of a plan's key: the same callbacks give the same plan. */
export function changesKey(changes: readonly StepChange[]): string {
  if (changes.length === 0) return "";
  const numbers = changes.map((change) => {
    if (!ids.has(change)) ids.set(change, nextId++);
    return ids.get(change);
  });
  return ` changed by ${numbers.join("+")}`;
}
