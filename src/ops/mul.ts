import arithmetic from "../../shaders/arithmetic.wgsl?raw";
import { broadcastShapes } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { asValue, type Operand } from "./add.ts";
import { sumTo } from "./sum.ts";

const op = defineOp({
  name: "mul",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }) => ({ y: broadcastShapes("mul", a, b) }),
  pointwise: { wgsl: arithmetic, fn: "mul", zeroToZero: true },
  gradient: ({ in: { a, b }, dy, needs }) => ({
    a: needs.a && sumTo(mul(dy, b), a.shape),
    b: needs.b && sumTo(mul(dy, a), b.shape),
  }),
});

/**
 * Product with broadcasting.   y = a · b
 * Shapes  a, b broadcastable; y their common shape
 * Errors  ShapeError if the shapes do not broadcast
 */
export function mul(a: Operand, b: Operand): Value {
  return op({ a: asValue("mul", a), b: asValue("mul", b) }, {}).y;
}
