import relu_ from "../../shaders/relu.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "relu",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: relu_, fn: "relu", backward: "relu_backward", saves: "y", zeroToZero: true },
});

/**
 * Rectified linear unit.   y = max(x, 0); gradient 0 at x = 0
 * Shapes  x any; y as x
 */
export function relu(x: Value): Value {
  return op({ x }, {}).y;
}
