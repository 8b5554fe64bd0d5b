import arithmetic from "../../shaders/arithmetic.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "abs",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: arithmetic, fn: "magnitude", backward: "magnitude_backward", zeroToZero: true },
});

/**
 * Absolute value.   y = |x|; gradient 0 at x = 0
 * Shapes  x any; y as x
 */
export function abs(x: Value): Value {
  return op({ x }, {}).y;
}
