import arithmetic from "../../shaders/arithmetic.wgsl?raw";
import { OptionError } from "../core/errors.ts";
import { broadcastShapes } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { constant } from "../graph/leaf.ts";
import type { Value } from "../graph/value.ts";
import { sumTo } from "./sum.ts";

/** A value, or a number that becomes a literal in the kernel. */
export type Operand = Value | number;

/** An operand of `op` as a value. Errors  OptionError for a number that f32 does not hold, as WGSL has no literal */
export function asValue(op: string, operand: Operand): Value {
  if (typeof operand !== "number") return operand;
  if (!Number.isFinite(Math.fround(operand))) {
    throw new OptionError({
      op,
      problem: "operand",
      expected: "a value, or a number that f32 holds",
      got: `${operand}`,
      fix: "use a large finite number, such as 3e38 for infinity",
    });
  }
  return constant(operand);
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
  return op({ a: asValue("add", a), b: asValue("add", b) }, {}).y;
}
