import elu from "../../shaders/elu.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "selu",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: elu, fn: "selu", backward: "selu_backward", zeroToZero: true },
});

/**
 * Scaled exponential linear unit.   y = 1.0507 · (x above 0, else 1.67326 · (e^x − 1))
 * Shapes  x any; y as x
 * Source  Klambauer et al. 2017 (arXiv:1706.02515)
 */
export function selu(x: Value): Value {
  return op({ x }, {}).y;
}
