import geluWgsl from "../../shaders/gelu.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "erf",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: geluWgsl, fn: "error_function", backward: "error_function_backward", zeroToZero: true },
});

/**
 * Error function.   y = 2/√π · ∫₀ˣ e^(−t²) dt
 * Shapes  x any; y as x
 */
export function erf(x: Value): Value {
  return op({ x }, {}).y;
}
