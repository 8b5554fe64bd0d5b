import { OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { constant } from "../graph/leaf.ts";
import type { Value } from "../graph/value.ts";
import * as ops from "../ops/index.ts";
import { singleValue as single, type Values } from "./module.ts";

/** A loss: outputs and targets to one number per example, or their mean. */
export interface Loss {
  (outputs: Values, targets: Values): Value;
  /** The same before any mean or sum over the batch; absent where the loss gives that itself. */
  readonly single?: (outputs: Values, targets: Values) => Value;
}

/** A loss of this library from its form with a reduction. */
function lossOf(
  options: ops.ReductionOptions,
  form: (outputs: Values, targets: Values, reduction: ops.ReductionOptions) => Value,
): Loss {
  const loss: Loss = (outputs, targets) => form(outputs, targets, options);
  const single: Loss = (outputs, targets) => form(outputs, targets, { reduction: "none" });
  return Object.assign(loss, { single });
}

/**
 * A loss as one number per example: its mean over whatever else an example has (pixels, features).
 * Errors  OptionError, at the capture, for a loss of one's own that returns the mean over the batch
 */
export function perExample(loss: Loss): (outputs: Values, targets: Values) => Value {
  return (outputs, targets) => {
    const value = (loss.single ?? loss)(outputs, targets);
    if (value.shape.length === 1) return value;
    if (value.shape.length > 1) return ops.mean(value, { axes: value.shape.map((_, i) => i).slice(1) });
    throw new OptionError({
      op: "loss",
      problem: "shape",
      expected: "one number per example",
      got: "one for the batch",
      fix: "return the losses of the examples; the Learner takes their mean",
    });
  };
}

/** Class weights are plain numbers here; the op takes a value. */
export interface CrossEntropyLossOptions extends Omit<ops.CrossEntropyOptions, "weight"> {
  readonly weight?: readonly number[];
}

/** Softmax cross-entropy from logits and class indices or probabilities. */
export function crossEntropy({ weight, ...options }: CrossEntropyLossOptions = {}): Loss {
  knownOptions("nn.crossEntropy", options, { labelSmoothing: true, ignoreIndex: true, reduction: true });
  return lossOf(options, (outputs, targets, reduction) =>
    ops.crossEntropy(single(outputs, "crossEntropy outputs"), single(targets, "crossEntropy targets"), {
      ...options,
      ...reduction,
      ...(weight && { weight: constant(Float32Array.from(weight)) }),
    }),
  );
}

/** Negative log likelihood from log-probabilities and class indices. */
export function nll({
  weight,
  ...options
}: Omit<ops.NllOptions, "weight"> & { weight?: readonly number[] } = {}): Loss {
  knownOptions("nn.nll", options, { ignoreIndex: true, reduction: true });
  return lossOf(options, (outputs, targets, reduction) =>
    ops.nll(single(outputs, "nll outputs"), single(targets, "nll targets"), {
      ...options,
      ...reduction,
      ...(weight && { weight: constant(Float32Array.from(weight)) }),
    }),
  );
}

/** Mean of squared differences. */
export function mse(options: ops.ReductionOptions = {}): Loss {
  knownOptions("nn.mse", options, { reduction: true });
  return lossOf(options, (outputs, targets, reduction) =>
    ops.mse(single(outputs, "mse outputs"), single(targets, "mse targets"), { ...options, ...reduction }),
  );
}

/** Mean of absolute differences. */
export function l1(options: ops.ReductionOptions = {}): Loss {
  knownOptions("nn.l1", options, { reduction: true });
  return lossOf(options, (outputs, targets, reduction) =>
    ops.l1(single(outputs, "l1 outputs"), single(targets, "l1 targets"), { ...options, ...reduction }),
  );
}

/** Quadratic within `delta`, linear beyond. */
export function huber(options: ops.HuberOptions = {}): Loss {
  knownOptions("nn.huber", options, { delta: true, reduction: true });
  return lossOf(options, (outputs, targets, reduction) =>
    ops.huber(single(outputs, "huber outputs"), single(targets, "huber targets"), {
      ...options,
      ...reduction,
    }),
  );
}

/** Binary cross-entropy from logits and targets in [0, 1]. */
export function bceWithLogits(
  options: Omit<ops.BceWithLogitsOptions, "weight" | "posWeight"> & { posWeight?: readonly number[] } = {},
): Loss {
  knownOptions("nn.bceWithLogits", options, { posWeight: true, reduction: true });
  const { posWeight, ...rest } = options;
  return lossOf(options, (outputs, targets, reduction) =>
    ops.bceWithLogits(single(outputs, "bceWithLogits outputs"), single(targets, "bceWithLogits targets"), {
      ...rest,
      ...reduction,
      ...(posWeight && { posWeight: constant(Float32Array.from(posWeight)) }),
    }),
  );
}
