import { sameShape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { broadcastTo } from "./broadcast-to.ts";
import { keptShape, type ReduceAttrs, type ReduceOptions, reduceAttrs, reducedShape, reduceLowering } from "./reduce.ts";
import { reshape } from "./reshape.ts";

const op = defineOp<"x", "y", ReduceAttrs>({
  name: "sum",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }, attrs) => ({ y: reducedShape(x, attrs) }),
  lowerings: [reduceLowering("a + b", 0, () => 1)],
  gradient: ({ in: { x }, dy, attrs }) => ({
    x: broadcastTo(reshape(dy, keptShape(x.shape, attrs.axes)), x.shape),
  }),
  cost: ({ shape }) => ({ flops: shape.x.reduce((a, b) => a * b, 1) }),
});

/**
 * Sum over axes.   y[k] = Σ_r x[k, r]
 * Shapes  x any; y without the reduced axes, or with size 1 there (`keepDims`)
 * Errors  ShapeError for an axis out of range
 */
export function sum(x: Value, options: ReduceOptions = {}): Value {
  return op({ x }, reduceAttrs("sum", x.shape, options)).y;
}

/** Sums a gradient over the axes along which its value was broadcast. */
export function sumTo(gradient: Value, shape: readonly number[]): Value {
  if (sameShape(gradient.shape, shape)) return gradient;
  const offset = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((size, axis) =>
    axis < offset || (shape[axis - offset] === 1 && size !== 1) ? [axis] : [],
  );
  return reshape(axes.length ? sum(gradient, { axes }) : gradient, shape);
}
