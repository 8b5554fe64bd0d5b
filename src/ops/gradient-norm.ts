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

const squares = defineOp<"grads" | "blocks", "squares">({
  name: "gradient_squares",
  inputs: ["grads", "blocks"],
  outputs: ["squares"],
  shape: () => ({ squares: [PARTS] }),
  lowerings: [
    {
      name: "gradient_squares",
      wgsl: gradientSquares,
      launch: ({ physical: { grads } }) => ({
        grid: linearGrid(ceilDiv(PARTS, 64)),
        const: { COUNT: grads.size / 4, PARTS },
      }),
    },
  ],
  gradient: { none: "gradients of gradients are not supported" },
});

/**
 * Norm of the gradients of all parameters that are not frozen.   y = √Σ g²
 * Shapes  grads: flat buffer; blocks: one group for every 256 of its elements; y []
 */
export function gradientNorm({ grads, blocks }: { readonly grads: Value; readonly blocks: Value }): Value {
  return sqrt(sum(squares({ grads, blocks }, {}).squares));
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
