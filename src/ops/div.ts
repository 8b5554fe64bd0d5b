import arithmetic from "../../shaders/arithmetic.wgsl?raw";
import { broadcastShapes } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { asValue, type Operand } from "./add.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";
import { sumTo } from "./sum.ts";

const op = defineOp({
  name: "div",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }) => ({ y: broadcastShapes("div", a, b) }),
  // 0 / 0 is NaN, so padding does not stay zero.
  pointwise: { wgsl: arithmetic, fn: "div" },
  gradient: ({ in: { a, b }, out: { y }, dy, needs }) => ({
    a: needs.a && sumTo(div(dy, b), a.shape),
    b: needs.b && neg(sumTo(mul(dy, div(y, b)), b.shape)),
  }),
});

/**
 * Quotient with broadcasting.   y = a / b
 * Shapes  a, b broadcastable; y their common shape
 * Errors  ShapeError if the shapes do not broadcast
 */
export function div(a: Operand, b: Operand): Value {
  return op({ a: asValue("div", a), b: asValue("div", b) }, {}).y;
}
