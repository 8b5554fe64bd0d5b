import arithmetic from "../../shaders/arithmetic.wgsl?raw";
import { broadcastShapes } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { asValue, type Operand } from "./add.ts";
import { shareAbove } from "./maximum.ts";
import { sumTo } from "./sum.ts";

const op = defineOp({
  name: "minimum",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }) => ({ y: broadcastShapes("minimum", a, b) }),
  pointwise: { wgsl: arithmetic, fn: "minimum", zeroToZero: true },
  gradient: ({ in: { a, b }, dy, needs }) => ({
    a: needs.a && sumTo(shareAbove(dy, b, a), a.shape),
    b: needs.b && sumTo(shareAbove(dy, a, b), b.shape),
  }),
});

/**
 * The smaller of two with broadcasting.   y = min(a, b); a tie halves the gradient, a NaN stays
 * Shapes  a, b broadcastable; y their common shape
 * Errors  ShapeError if the shapes do not broadcast
 */
export function minimum(a: Operand, b: Operand): Value {
  return op({ a: asValue("minimum", a), b: asValue("minimum", b) }, {}).y;
}
