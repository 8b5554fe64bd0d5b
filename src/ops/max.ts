import comparison from "../../shaders/comparison.wgsl?raw";
import { ShapeError } from "../core/errors.ts";
import { formatShape, numel } from "../core/shape.ts";
import { checkFloats, defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { div } from "./div.ts";
import { mul } from "./mul.ts";
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
import { sum } from "./sum.ts";

// A NaN wins and stays. The largest of a part starts from one of its elements: WGSL has no literal for −∞.
const hooks = { combine: "return select(a, b, b > a || is_nan(b));", start: "return x[at];" };

const op = defineOp<"x", "y", ReduceAttrs>({
  name: "max",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }, attrs) => {
    if (numel(x) === 0) {
      throw new ShapeError({
        op: "max",
        problem: "nothing to reduce",
        expected: "at least one element",
        got: `x ${formatShape(x)}`,
      });
    }
    return { y: reducedShape(x, attrs) };
  },
  lowerings: [
    {
      name: "parts",
      when: isLong,
      parts: ({ x }, { axes, keepDims }) => {
        const parts = partial({ x }, partAttrs(x.shape, axes)).y;
        return { y: reshape(max(parts, { axes: [0] }), reducedShape(x.shape, { axes, keepDims })) };
      },
    },
    reduceLowering(hooks),
  ],
  gradient: ({ in: { x }, out: { y }, dy, attrs }) => {
    const kept = keptShape(x.shape, attrs.axes);
    const ties = isEqual({ a: x, b: reshape(y, kept) }, {}).y;
    const share = div(reshape(dy, kept), sum(ties, { axes: attrs.axes, keepDims: true }));
    return { x: mul(ties, share) };
  },
  cost: ({ shape }) => ({ flops: numel(shape.x) }),
});

const partial = defineOp<"x", "y", PartAttrs>({
  name: "max_parts",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }, attrs) => ({ y: partShape(x, attrs) }),
  lowerings: [reduceLowering(hooks)],
  gradient: { none: "maxima are split after differentiation" },
  cost: ({ shape }) => ({ flops: numel(shape.x) }),
});

const isEqual = defineOp({
  name: "is_equal",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a }) => ({ y: a }),
  pointwise: { wgsl: comparison, fn: "is_equal" },
  gradient: { none: "a comparison is flat" },
});

/**
 * Largest element over axes.   y[k] = max_r x[k, r]
 * The gradient goes in equal shares to all elements that equal the largest (as torch.amax). A NaN wins.
 * Shapes  x any, not empty; y without the reduced axes, or with size 1 there (`keepDims`)
 * Errors  ShapeError for an axis out of range, or an empty x
 */
export function max(x: Value, options: ReduceOptions = {}): Value {
  checkFloats({ name: "max" }, { x });
  return op({ x }, reduceAttrs("max", x.shape, options)).y;
}
