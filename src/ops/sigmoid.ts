import logistic from "../../shaders/sigmoid.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "sigmoid",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: logistic, fn: "logistic", backward: "logistic_backward", saves: "y" },
});

/**
 * Logistic function.   y = 1 / (1 + e^(−x))
 * Shapes  x any; y as x
 */
export function sigmoid(x: Value): Value {
  return op({ x }, {}).y;
}
