import arithmetic from "../../shaders/arithmetic.wgsl?raw";
import { broadcastShapes } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { constant } from "../graph/leaf.ts";
import type { Value } from "../graph/value.ts";
import { sumTo } from "./sum.ts";

/** A value, or a number that becomes a literal in the kernel. */
export type Operand = Value | number;

export function asValue(operand: Operand): Value {
  return typeof operand === "number" ? constant(operand) : operand;
}

const op = defineOp({
  name: "add",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }) => ({ y: broadcastShapes("add", a, b) }),
  pointwise: { wgsl: arithmetic, fn: "add", zeroToZero: true },
  gradient: ({ in: { a, b }, dy, needs }) => ({
    a: needs.a && sumTo(dy, a.shape),
    b: needs.b && sumTo(dy, b.shape),
  }),
});

/**
 * Sum with broadcasting.   y = a + b
 * Shapes  a, b broadcastable; y their common shape
 * Errors  ShapeError if the shapes do not broadcast
 */
export function add(a: Operand, b: Operand): Value {
  return op({ a: asValue(a), b: asValue(b) }, {}).y;
}
