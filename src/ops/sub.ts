import arithmetic from "../../shaders/arithmetic.wgsl?raw";
import { broadcastShapes } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { asValue, type Operand } from "./add.ts";
import { neg } from "./neg.ts";
import { sumTo } from "./sum.ts";

const op = defineOp({
  name: "sub",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }) => ({ y: broadcastShapes("sub", a, b) }),
  pointwise: { wgsl: arithmetic, fn: "sub", zeroToZero: true },
  gradient: ({ in: { a, b }, dy, needs }) => ({
    a: needs.a && sumTo(dy, a.shape),
    b: needs.b && neg(sumTo(dy, b.shape)),
  }),
});

/**
 * Difference with broadcasting.   y = a − b
 * Shapes  a, b broadcastable; y their common shape
 * Errors  ShapeError if the shapes do not broadcast
 */
export function sub(a: Operand, b: Operand): Value {
  return op({ a: asValue("sub", a), b: asValue("sub", b) }, {}).y;
}
