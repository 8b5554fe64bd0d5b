import arithmetic from "../../shaders/arithmetic.wgsl?raw";
import { broadcastShapes } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { asValue, type Operand } from "./add.ts";
import { sumTo } from "./sum.ts";

const op = defineOp({
  name: "maximum",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }) => ({ y: broadcastShapes("maximum", a, b) }),
  pointwise: { wgsl: arithmetic, fn: "maximum", zeroToZero: true },
  gradient: ({ in: { a, b }, dy, needs }) => ({
    a: needs.a && sumTo(shareAbove(dy, a, b), a.shape),
    b: needs.b && sumTo(shareAbove(dy, b, a), b.shape),
  }),
});

const shareOp = defineOp({
  name: "share_above",
  inputs: ["dy", "a", "b"],
  outputs: ["dx"],
  shape: ({ dy }) => ({ dx: dy }),
  pointwise: { wgsl: arithmetic, fn: "share_above" },
  gradient: { none: "gradients of gradients are not supported" },
});

/** dy where a > b, half of it where they are equal, else 0. */
export function shareAbove(dy: Value, a: Value, b: Value): Value {
  return shareOp({ dy, a, b }, {}).dx;
}

/**
 * The larger of two with broadcasting.   y = max(a, b); a tie halves the gradient, a NaN stays
 * Shapes  a, b broadcastable; y their common shape
 * Errors  ShapeError if the shapes do not broadcast
 */
export function maximum(a: Operand, b: Operand): Value {
  return op({ a: asValue("maximum", a), b: asValue("maximum", b) }, {}).y;
}
