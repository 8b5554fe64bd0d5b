import tangent from "../../shaders/tanh.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "tanh",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: {
    wgsl: tangent,
    fn: "hyperbolic_tangent",
    backward: "tanh_backward",
    saves: "y",
    zeroToZero: true,
  },
});

/**
 * Hyperbolic tangent.   y = (e^(2x) − 1) / (e^(2x) + 1)
 * Shapes  x any; y as x
 */
export function tanh(x: Value): Value {
  return op({ x }, {}).y;
}
