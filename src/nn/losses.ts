import { knownOptions } from "../core/known-options.ts";
import { constant } from "../graph/leaf.ts";
import type { Value } from "../graph/value.ts";
import * as ops from "../ops/index.ts";
import { singleValue as single, type Values } from "./module.ts";

/** A loss: outputs and targets to one number per example, or their mean. */
export type Loss = (outputs: Values, targets: Values) => Value;

/** Class weights are plain numbers here; the op takes a value. */
export interface CrossEntropyLossOptions extends Omit<ops.CrossEntropyOptions, "weight"> {
  readonly weight?: readonly number[];
}

/** Softmax cross-entropy from logits and class indices or probabilities. */
export function crossEntropy({ weight, ...options }: CrossEntropyLossOptions = {}): Loss {
  knownOptions("nn.crossEntropy", options, { labelSmoothing: true, ignoreIndex: true, reduction: true });
  return (outputs, targets) =>
    ops.crossEntropy(single(outputs, "crossEntropy outputs"), single(targets, "crossEntropy targets"), {
      ...options,
      ...(weight && { weight: constant(Float32Array.from(weight)) }),
    });
}

/** Negative log likelihood from log-probabilities and class indices. */
export function nll({
  weight,
  ...options
}: Omit<ops.NllOptions, "weight"> & { weight?: readonly number[] } = {}): Loss {
  knownOptions("nn.nll", options, { ignoreIndex: true, reduction: true });
  return (outputs, targets) =>
    ops.nll(single(outputs, "nll outputs"), single(targets, "nll targets"), {
      ...options,
      ...(weight && { weight: constant(Float32Array.from(weight)) }),
    });
}

/** Mean of squared differences. */
export function mse(options: ops.ReductionOptions = {}): Loss {
  knownOptions("nn.mse", options, { reduction: true });
  return (outputs, targets) =>
    ops.mse(single(outputs, "mse outputs"), single(targets, "mse targets"), options);
}

/** Mean of absolute differences. */
export function l1(options: ops.ReductionOptions = {}): Loss {
  knownOptions("nn.l1", options, { reduction: true });
  return (outputs, targets) => ops.l1(single(outputs, "l1 outputs"), single(targets, "l1 targets"), options);
}

/** Quadratic within `delta`, linear beyond. */
export function huber(options: ops.HuberOptions = {}): Loss {
  knownOptions("nn.huber", options, { delta: true, reduction: true });
  return (outputs, targets) =>
    ops.huber(single(outputs, "huber outputs"), single(targets, "huber targets"), options);
}

/** Binary cross-entropy from logits and targets in [0, 1]. */
export function bceWithLogits(
  options: Omit<ops.BceWithLogitsOptions, "weight" | "posWeight"> & { posWeight?: readonly number[] } = {},
): Loss {
  knownOptions("nn.bceWithLogits", options, { posWeight: true, reduction: true });
  const { posWeight, ...rest } = options;
  return (outputs, targets) =>
    ops.bceWithLogits(single(outputs, "bceWithLogits outputs"), single(targets, "bceWithLogits targets"), {
      ...rest,
      ...(posWeight && { posWeight: constant(Float32Array.from(posWeight)) }),
    });
}
