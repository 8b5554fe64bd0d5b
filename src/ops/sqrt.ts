import power from "../../shaders/power.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "sqrt",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: power, fn: "root", backward: "root_backward", saves: "y" },
});

/**
 * Square root.   y = √x; NaN below 0, infinite gradient at 0
 * Shapes  x any; y as x
 */
export function sqrt(x: Value): Value {
  return op({ x }, {}).y;
}
