import rectifiers from "../../shaders/rectifiers.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "hardsigmoid",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: rectifiers, fn: "hardsigmoid", backward: "hardsigmoid_backward" },
});

/**
 * Piecewise linear sigmoid.   y = min(max(x + 3, 0), 6) / 6; gradient 0 at both bounds
 * Shapes  x any; y as x
 */
export function hardsigmoid(x: Value): Value {
  return op({ x }, {}).y;
}
