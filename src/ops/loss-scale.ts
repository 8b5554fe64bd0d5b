import overflowWgsl from "../../shaders/gradient_overflow.wgsl?raw";
import updateWgsl from "../../shaders/loss_scale_update.wgsl?raw";
import seedWgsl from "../../shaders/loss_seed.wgsl?raw";
import stepScaleWgsl from "../../shaders/step_scale.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

/** Threads that look for overflow, each over its share of the gradients. */
const PARTS = 256;

const none = { none: "an update is no part of the loss" };

const seed = defineOp<"scaler", "y" | "scale", { factor: number }>({
  name: "loss_seed",
  inputs: ["scaler"],
  outputs: ["y", "scale"],
  shape: () => ({ y: [], scale: [] }),
  lowerings: [
    {
      name: "loss_seed",
      wgsl: seedWgsl,
      launch: ({ attrs: { factor } }) => ({ grid: [1], const: { FACTOR: factor } }),
    },
  ],
  gradient: none,
});

/**
 * Gradient that the backward pass starts from, and the scale of this step.   y = scale·factor
 * Shapes  scaler [3]: scale, finite steps since it changed, steps skipped; y, scale []
 */
export function lossSeed(scaler: Value, factor: number): { readonly y: Value; readonly scale: Value } {
  return seed({ scaler }, { factor });
}

const overflow = defineOp<"grads" | "blocks", "flags">({
  name: "gradient_overflow",
  inputs: ["grads", "blocks"],
  outputs: ["flags"],
  shape: () => ({ flags: [PARTS] }),
  lowerings: [
    {
      name: "gradient_overflow",
      wgsl: overflowWgsl,
      launch: ({ physical: { grads } }) => ({
        grid: linearGrid(ceilDiv(PARTS, 64)),
        const: { COUNT: grads.size / 4, PARTS },
      }),
    },
  ],
  gradient: none,
});

export interface LossScaleAttrs {
  readonly growth: number;
  readonly backoff: number;
  /** Finite steps in a row after which the scale grows. */
  readonly interval: number;
}

const update = defineOp<"flags" | "scaler", "multiplier" | "skipped", LossScaleAttrs>({
  name: "loss_scale_update",
  inputs: ["flags", "scaler"],
  outputs: ["multiplier", "skipped"],
  writes: ["scaler"],
  shape: () => ({ multiplier: [], skipped: [] }),
  lowerings: [
    {
      name: "loss_scale_update",
      wgsl: updateWgsl,
      launch: ({ shape: { flags }, attrs: { growth, backoff, interval } }) => ({
        grid: [1],
        const: { PARTS: flags[0]!, GROWTH: growth, BACKOFF: backoff, INTERVAL: interval },
      }),
    },
  ],
  gradient: none,
});

/** What a step with a scaled loss hands to the optimizer's update. */
export interface ScaledStep {
  /** 1 / scale, or −1 for a step whose gradients overflowed, which changes nothing. */
  readonly multiplier: Value;
  /** Steps skipped so far, this one included. */
  readonly skipped: Value;
}

/**
 * Looks for infinities and NaNs in the scaled gradients, decides on the device whether the step counts, and moves the
 * scale for the next one: times backoff after an overflow, times growth after `interval` finite steps in a row.
 * Shapes  grads: flat buffer; blocks: one group for every 256 of its elements; scaler [3], changed in place
 * Source  Micikevicius et al. 2018 (arXiv:1710.03740) §3.2; torch.amp.GradScaler
 */
export function updateLossScale(
  inputs: { readonly grads: Value; readonly blocks: Value; readonly scaler: Value },
  attrs: LossScaleAttrs,
): ScaledStep {
  const { flags } = overflow({ grads: inputs.grads, blocks: inputs.blocks }, {});
  return update({ flags, scaler: inputs.scaler }, attrs);
}

const combine = defineOp<"clip" | "multiplier", "scale">({
  name: "step_scale",
  inputs: ["clip", "multiplier"],
  outputs: ["scale"],
  shape: ({ clip }) => ({ scale: clip }),
  pointwise: { wgsl: stepScaleWgsl, fn: "step_scale" },
  gradient: none,
});

/** What gradients are multiplied by in the update.   y = clip·multiplier, or −1 where the step is skipped */
export function stepScale(clip: Value, multiplier: Value): Value {
  return combine({ clip, multiplier }, {}).scale;
}
