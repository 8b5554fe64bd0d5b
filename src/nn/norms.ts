import { knownOptions } from "../core/known-options.ts";
import { batchNorm as batchNormOp } from "../ops/batch-norm.ts";
import { groupNorm as groupNormOp } from "../ops/group-norm.ts";
import { instanceNorm as instanceNormOp } from "../ops/instance-norm.ts";
import { layerNorm as layerNormOp } from "../ops/layer-norm.ts";
import { positiveInteger } from "./check.ts";
import { ones, zeroCount, zeros } from "./init.ts";
import { type Module, makeModule, type StateDeclaration, type StateValues } from "./module.ts";

export interface BatchNormOptions {
  /** Weight of the new batch in the running statistics; null: cumulative average. Default 0.1 (Keras means 1 − this). */
  readonly momentum?: number | null;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
  /** Trainable scale and shift. Default true. */
  readonly affine?: boolean;
  /** Keep running statistics for evaluation; without them evaluation uses the batch's own. Default true. */
  readonly trackRunningStats?: boolean;
}

function affineStates(shape: readonly number[], affine: boolean): Record<string, StateDeclaration> {
  if (!affine) return {};
  return {
    weight: { shape, role: "parameter", init: ones },
    bias: { shape, role: "parameter", init: zeros },
  };
}

function runningStates(features: number, tracked: boolean): Record<string, StateDeclaration> {
  if (!tracked) return {};
  return {
    running_mean: { shape: [features], role: "buffer", init: zeros },
    running_var: { shape: [features], role: "buffer", init: ones },
    num_batches_tracked: { shape: [], dtype: "i32", role: "buffer", init: zeroCount },
  };
}

function normInputs(states: StateValues) {
  return {
    ...(states.weight && { weight: states.weight }),
    ...(states.bias && { bias: states.bias }),
    ...(states.running_mean && { runningMean: states.running_mean }),
    ...(states.running_var && { runningVar: states.running_var }),
  };
}

/**
 * Batch normalisation over N (and L or H, W) for every channel: the batch's statistics in training, the running ones
 * in evaluation. Running variance is unbiased, normalisation uses the biased one.
 * Shapes  x [N, features], [N, features, L] or [N, features, H, W]
 * Source  Ioffe & Szegedy 2015 (arXiv:1502.03167); conventions of torch.nn.BatchNorm2d
 */
export function batchNorm(features: number, options: BatchNormOptions = {}): Module {
  const { momentum = 0.1, eps = 1e-5, affine = true, trackRunningStats = true } = options;
  knownOptions("nn.batchNorm", options, { momentum: true, eps: true, affine: true, trackRunningStats: true });
  positiveInteger("nn.batchNorm", { features });
  return makeModule({
    kind: "batchNorm",
    attrs: { features, momentum, eps, affine, trackRunningStats },
    states: { ...affineStates([features], affine), ...runningStates(features, trackRunningStats) },
    forward: (x, states) =>
      batchNormOp(
        x,
        {
          ...normInputs(states),
          ...(states.num_batches_tracked && { numBatchesTracked: states.num_batches_tracked }),
        },
        { momentum, eps },
      ),
  });
}

/** Instance normalisation: every channel of every example by itself; affine and running statistics off by default, as in torch. */
export function instanceNorm(
  features: number,
  options: {
    readonly momentum?: number;
    readonly eps?: number;
    readonly affine?: boolean;
    readonly trackRunningStats?: boolean;
  } = {},
): Module {
  const { momentum = 0.1, eps = 1e-5, affine = false, trackRunningStats = false } = options;
  knownOptions("nn.instanceNorm", options, {
    momentum: true,
    eps: true,
    affine: true,
    trackRunningStats: true,
  });
  positiveInteger("nn.instanceNorm", { features });
  return makeModule({
    kind: "instanceNorm",
    attrs: { features, momentum, eps, affine, trackRunningStats },
    states: { ...affineStates([features], affine), ...runningStates(features, trackRunningStats) },
    forward: (x, states) => instanceNormOp(x, normInputs(states), { momentum, eps }),
  });
}

/** Layer normalisation over the last axes, whose sizes are `normalizedShape`. Source  Ba et al. 2016 (arXiv:1607.06450) */
export function layerNorm(
  normalizedShape: number | readonly number[],
  options: { readonly eps?: number; readonly affine?: boolean } = {},
): Module {
  knownOptions("nn.layerNorm", options, { eps: true, affine: true });
  const shape = typeof normalizedShape === "number" ? [normalizedShape] : [...normalizedShape];
  const { eps = 1e-5, affine = true } = options;
  return makeModule({
    kind: "layerNorm",
    attrs: { normalizedShape: shape, eps, affine },
    states: affineStates(shape, affine),
    forward: (x, { weight, bias }) =>
      layerNormOp(x, weight ?? null, bias ?? null, { normalizedShape: shape, eps }),
  });
}

/** Group normalisation: channels in `groups` groups, each example by itself. Source  Wu & He 2018 (arXiv:1803.08494) */
export function groupNorm(
  groups: number,
  features: number,
  options: { readonly eps?: number; readonly affine?: boolean } = {},
): Module {
  const { eps = 1e-5, affine = true } = options;
  knownOptions("nn.groupNorm", options, { eps: true, affine: true });
  positiveInteger("nn.groupNorm", { groups, features, "features / groups": features / groups });
  return makeModule({
    kind: "groupNorm",
    attrs: { groups, features, eps, affine },
    states: affineStates([features], affine),
    forward: (x, { weight, bias }) => groupNormOp(x, weight ?? null, bias ?? null, { groups, eps }),
  });
}
