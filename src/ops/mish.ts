import softplus from "../../shaders/softplus.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "mish",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: softplus, fn: "mish", backward: "mish_backward", zeroToZero: true },
});

/**
 * Mish.   y = x · tanh(log(1 + e^x))
 * Shapes  x any; y as x
 * Source  Misra 2019 (arXiv:1908.08681)
 */
export function mish(x: Value): Value {
  return op({ x }, {}).y;
}
