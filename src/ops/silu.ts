import logistic from "../../shaders/sigmoid.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "silu",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: logistic, fn: "silu", backward: "silu_backward", zeroToZero: true },
});

/**
 * Sigmoid linear unit (swish).   y = x · σ(x)
 * Shapes  x any; y as x
 * Source  Elfwing et al. 2017 (arXiv:1702.03118)
 */
export function silu(x: Value): Value {
  return op({ x }, {}).y;
}
