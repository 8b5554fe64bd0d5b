import { numel, sameShape } from "../core/shape.ts";
import { checkFloats, defineOp, type OpSpec } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { broadcastTo } from "./broadcast-to.ts";
import {
  isLong,
  keptShape,
  type PartAttrs,
  partAttrs,
  partShape,
  type ReduceAttrs,
  type ReduceOptions,
  reduceAttrs,
  reducedShape,
  reduceLowering,
} from "./reduce.ts";
import { reshape } from "./reshape.ts";

const op = defineOp<"x", "y", ReduceAttrs>({
  name: "sum",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }, attrs) => ({ y: reducedShape(x, attrs) }),
  lowerings: [
    {
      name: "parts",
      when: isLong,
      parts: ({ x }, { axes, keepDims }) => {
        const parts = partial({ x }, partAttrs(x.shape, axes)).y;
        return { y: reshape(sum(parts, { axes: [0] }), reducedShape(x.shape, { axes, keepDims })) };
      },
    },
    reduceLowering(),
  ],
  gradient: ({ in: { x }, dy, attrs }) => ({
    x: broadcastTo(reshape(dy, keptShape(x.shape, attrs.axes)), x.shape),
  }),
  cost: ({ shape }) => ({ flops: numel(shape.x) }),
});

const partial = defineOp<"x", "y", PartAttrs>({
  name: "sum_parts",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }, attrs) => ({ y: partShape(x, attrs) }),
  lowerings: [reduceLowering()],
  gradient: { none: "sums are split after differentiation" },
  cost: ({ shape }) => ({ flops: numel(shape.x) }),
});

/** The op itself, for passes. */
export const SUM: OpSpec = op.spec;

/**
 * Sum over axes.   y[k] = Σ_r x[k, r]
 * Long sums are made of partial sums, added in a fixed order.
 * Shapes  x any; y without the reduced axes, or with size 1 there (`keepDims`)
 * Errors  ShapeError for an axis out of range
 */
export function sum(x: Value, options: ReduceOptions = {}): Value {
  checkFloats({ name: "sum" }, { x });
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
