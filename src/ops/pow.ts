import powerWgsl from "../../shaders/power.wgsl?raw";
import { broadcastShapes } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { asValue, type Operand } from "./add.ts";
import { numberOption } from "./numbers.ts";
import { sumTo } from "./sum.ts";

const op = defineOp({
  name: "pow",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }) => ({ y: broadcastShapes("pow", a, b) }),
  pointwise: { wgsl: powerWgsl, fn: "power" },
  gradient: ({ in: { a, b }, out: { y }, dy, needs }) => ({
    a: needs.a && sumTo(backwardBase({ dy, a, b }, {}).da, a.shape),
    b: needs.b && sumTo(backwardExponent({ dy, a, b, y }, {}).db, b.shape),
  }),
});

const backwardBase = defineOp({
  name: "pow_backward_base",
  inputs: ["dy", "a", "b"],
  outputs: ["da"],
  shape: ({ dy }) => ({ da: dy }),
  pointwise: { wgsl: powerWgsl, fn: "power_backward_base" },
  gradient: { none: "gradients of gradients are not supported" },
});

const backwardExponent = defineOp({
  name: "pow_backward_exponent",
  inputs: ["dy", "a", "b", "y"],
  outputs: ["db"],
  shape: ({ dy }) => ({ db: dy }),
  pointwise: { wgsl: powerWgsl, fn: "power_backward_exponent" },
  gradient: { none: "gradients of gradients are not supported" },
});

const byNumber = defineOp<"x", "y", { exponent: number }>({
  name: "pow_by",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: {
    wgsl: powerWgsl,
    fn: "power_by",
    backward: "power_by_backward",
    params: (attrs) => [(attrs as { exponent: number }).exponent],
  },
});

/**
 * Power with broadcasting.   y = a^b; whole exponents for negative a, else NaN; 0^0 = 1
 * Shapes  a, b broadcastable; y their common shape
 * Errors  ShapeError if the shapes do not broadcast
 */
export function pow(a: Operand, b: Operand): Value {
  if (typeof b === "number")
    return byNumber({ x: asValue("pow", a) }, { exponent: numberOption("pow", "exponent", b) }).y;
  return op({ a: asValue("pow", a), b }, {}).y;
}
