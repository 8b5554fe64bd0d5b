import rectifiers from "../../shaders/rectifiers.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "hardswish",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: rectifiers, fn: "hardswish", backward: "hardswish_backward", zeroToZero: true },
});

/**
 * Piecewise swish.   y = x · min(max(x + 3, 0), 6) / 6; gradient 0 at −3 and 1 at 3
 * Shapes  x any; y as x
 * Source  Howard et al. 2019 (arXiv:1905.02244)
 */
export function hardswish(x: Value): Value {
  return op({ x }, {}).y;
}
