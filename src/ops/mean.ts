import { numel } from "../core/shape.ts";
import { checkFloats, defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { broadcastTo } from "./broadcast-to.ts";
import { mul } from "./mul.ts";
import { keptShape, type ReduceAttrs, type ReduceOptions, reduceAttrs, reducedShape } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { sum } from "./sum.ts";

const op = defineOp<"x", "y", ReduceAttrs>({
  name: "mean",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }, attrs) => ({ y: reducedShape(x, attrs) }),
  lowerings: [
    {
      name: "scaled_sum",
      parts: ({ x }, attrs) => {
        const total = sum(x, attrs);
        return { y: mul(total, numel(total.shape) / numel(x.shape)) };
      },
    },
  ],
  gradient: ({ in: { x }, dy, attrs }) => {
    const share = mul(dy, numel(dy.shape) / numel(x.shape));
    return { x: broadcastTo(reshape(share, keptShape(x.shape, attrs.axes)), x.shape) };
  },
  cost: ({ shape }) => ({ flops: numel(shape.x) }),
});

/**
 * Arithmetic mean over axes.   y[k] = (1/n) Σ_r x[k, r]
 * Shapes  x any; y without the reduced axes, or with size 1 there (`keepDims`)
 * Errors  ShapeError for an axis out of range
 */
export function mean(x: Value, options: ReduceOptions = {}): Value {
  checkFloats({ name: "mean" }, { x });
  return op({ x }, reduceAttrs("mean", x.shape, options)).y;
}
