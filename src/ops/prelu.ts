import rectifiers from "../../shaders/rectifiers.wgsl?raw";
import { ShapeError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { reshape } from "./reshape.ts";
import { sumTo } from "./sum.ts";

const op = defineOp({
  name: "prelu",
  inputs: ["x", "weight"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: rectifiers, fn: "prelu", zeroToZero: true },
  gradient: ({ in: { x, weight }, dy, needs }) => ({
    x: needs.x && backwardInput({ dy, x, weight }, {}).dx,
    weight: needs.weight && sumTo(backwardWeight({ dy, x }, {}).dweight, weight.shape),
  }),
});

const backwardInput = defineOp({
  name: "prelu_backward_input",
  inputs: ["dy", "x", "weight"],
  outputs: ["dx"],
  shape: ({ x }) => ({ dx: x }),
  pointwise: { wgsl: rectifiers, fn: "prelu_backward_input", zeroToZero: true },
  gradient: { none: "gradients of gradients are not supported" },
});

const backwardWeight = defineOp({
  name: "prelu_backward_weight",
  inputs: ["dy", "x"],
  outputs: ["dweight"],
  shape: ({ x }) => ({ dweight: x }),
  pointwise: { wgsl: rectifiers, fn: "prelu_backward_weight", zeroToZero: true },
  gradient: { none: "gradients of gradients are not supported" },
});

/** [C, 1, 1] for [N, C, H, W]: the weight's shape that broadcasts along the channel axis. */
function channelShape(x: Shape, weight: Shape): number[] {
  const size = weight[0];
  if (weight.length !== 1 || (size !== 1 && size !== x[1])) {
    throw new ShapeError({
      op: "prelu",
      problem: "shape of weight",
      expected: x.length > 1 ? `[1] or [${x[1]}], one slope or one a channel` : "[1]",
      got: formatShape(weight),
      shapes: { x: formatShape(x), weight: formatShape(weight) },
      fix: "reshape the weight, or change its size to the number of channels",
    });
  }
  return size === 1 ? [1] : [size!, ...x.slice(2).map(() => 1)];
}

/**
 * Rectifier with trained slopes.   y = x above 0, weight · x elsewhere; one slope, or one for each channel
 * Shapes  x any, channels on axis 1; weight [1] or [C]; y as x
 * Errors  ShapeError for another shape of weight
 * Source  He et al. 2015 (arXiv:1502.01852)
 */
export function prelu(x: Value, weight: Value): Value {
  return op({ x, weight: reshape(weight, channelShape(x.shape, weight.shape)) }, {}).y;
}
