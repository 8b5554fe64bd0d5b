import clipScaleWgsl from "../../shaders/clip_scale.wgsl?raw";
import gradientSquares from "../../shaders/gradient_squares.wgsl?raw";
import { OptionError } from "../core/errors.ts";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { sqrt } from "./sqrt.ts";
import { sum } from "./sum.ts";

/** Partial sums of squares; more threads than this gain nothing, fewer leave a device idle. */
const PARTS = 4096;

const squares = defineOp<"grads" | "blocks" | "multiplier", "squares">({
  name: "gradient_squares",
  inputs: ["grads", "blocks", "multiplier"],
  outputs: ["squares"],
  shape: () => ({ squares: [PARTS] }),
  lowerings: [
    {
      name: "gradient_squares",
      wgsl: gradientSquares,
      launch: ({ physical: { grads }, shape: { multiplier } }) => ({
        grid: linearGrid(ceilDiv(PARTS, 64)),
        const: { COUNT: grads.size / 4, PARTS },
        ...(multiplier && {
          // Before squaring: squares of scaled gradients overflow where the gradients do not.
          hook: { unscaled: "return multiplier[0] * g;" },
          append: ["@group(0) @binding(3) var<storage, read> multiplier: array<f32>;"],
        }),
      }),
    },
  ],
  gradient: { none: "gradients of gradients are not supported" },
});

export interface GradientNormInputs {
  readonly grads: Value;
  readonly blocks: Value;
  /** One over the scale of the loss; 1 where absent. */
  readonly multiplier?: Value;
}

/**
 * Norm of the gradients of all parameters that are not frozen.   y = √Σ (multiplier·g)²
 * Shapes  grads: flat buffer; blocks: one group for every 256 of its elements; multiplier []; y []
 */
export function gradientNorm(inputs: GradientNormInputs): Value {
  return sqrt(sum(squares(inputs as Required<GradientNormInputs>, {}).squares));
}

const clip = defineOp<"norm", "scale", { most: number }>({
  name: "clip_scale",
  inputs: ["norm"],
  outputs: ["scale"],
  shape: ({ norm }) => ({ scale: norm }),
  pointwise: { wgsl: clipScaleWgsl, fn: "clip_scale", params: (attrs) => [(attrs as { most: number }).most] },
  gradient: { none: "an update is no part of the loss" },
});

/**
 * What gradients are multiplied by so that their norm is at most `maxNorm`.   y = min(1, maxNorm / (norm + 1e−6))
 * Shapes  norm [], y []
 * Errors  OptionError for a maxNorm that is not above 0
 * Source  torch.nn.utils.clip_grad_norm_
 */
export function clipScale(norm: Value, maxNorm: number): Value {
  if (!(maxNorm > 0)) {
    throw new OptionError({
      op: "clipScale",
      problem: "maxNorm",
      expected: "a number above 0",
      got: `${maxNorm}`,
    });
  }
  return clip({ norm }, { most: maxNorm }).scale;
}
