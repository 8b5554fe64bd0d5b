import exactWgsl from "../../shaders/gelu.wgsl?raw";
import tangentWgsl from "../../shaders/tanh.wgsl?raw";
import { OptionError } from "../core/errors.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

export interface GeluOptions {
  /** "none" (default): by the error function; "tanh": its approximation by a hyperbolic tangent. */
  readonly approximate?: "none" | "tanh";
}

const exact = defineOp({
  name: "gelu",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: exactWgsl, fn: "gelu", backward: "gelu_backward", zeroToZero: true },
});

const approximate = defineOp({
  name: "gelu_tanh",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: tangentWgsl, fn: "gelu_tanh", backward: "gelu_tanh_backward", zeroToZero: true },
});

/**
 * Gaussian error linear unit.   y = x/2 · (1 + erf(x/√2)), or x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))
 * Shapes  x any; y as x
 * Errors  OptionError for another form
 * Source  Hendrycks & Gimpel 2016 (arXiv:1606.08415)
 */
export function gelu(x: Value, options: GeluOptions = {}): Value {
  const form = options.approximate ?? "none";
  if (form !== "none" && form !== "tanh") {
    throw new OptionError({
      op: "gelu",
      problem: "approximate",
      expected: '"none" or "tanh"',
      got: `${form}`,
    });
  }
  return (form === "none" ? exact : approximate)({ x }, {}).y;
}
