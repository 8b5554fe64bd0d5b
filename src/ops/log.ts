import logarithm from "../../shaders/logarithm.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "log",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: logarithm, fn: "logarithm", backward: "logarithm_backward" },
});

/**
 * Natural logarithm.   y = ln x; −∞ at 0, NaN below
 * Shapes  x any; y as x
 */
export function log(x: Value): Value {
  return op({ x }, {}).y;
}
