import exponential from "../../shaders/exponential.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { mul } from "./mul.ts";

const op = defineOp({
  name: "exp",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: exponential, fn: "exponential" },
  gradient: ({ out: { y }, dy }) => ({ x: mul(dy, y) }),
});

/**
 * Exponential function.   y = e^x
 * Shapes  x any; y as x
 */
export function exp(x: Value): Value {
  return op({ x }, {}).y;
}
