import softplusWgsl from "../../shaders/softplus.wgsl?raw";
import { OptionError } from "../core/errors.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { numberOption } from "./numbers.ts";

export interface SoftplusOptions {
  /** Sharpness of the bend; default 1. */
  readonly beta?: number;
  /** From β·x > threshold on y is x itself; default 20. */
  readonly threshold?: number;
}

const op = defineOp<"x", "y", Required<SoftplusOptions>>({
  name: "softplus",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: {
    wgsl: softplusWgsl,
    fn: "softplus",
    backward: "softplus_backward",
    params: (attrs) => {
      const { beta, threshold } = attrs as Required<SoftplusOptions>;
      return [beta, threshold];
    },
  },
});

/**
 * Smooth rectifier.   y = log(1 + e^(βx)) / β
 * Shapes  x any; y as x
 * Errors  OptionError for a beta of 0, or numbers that are not finite
 */
export function softplus(x: Value, { beta = 1, threshold = 20 }: SoftplusOptions = {}): Value {
  if (Math.fround(beta) === 0) {
    throw new OptionError({
      op: "softplus",
      problem: "beta",
      expected: "a number other than 0",
      got: `${beta}`,
    });
  }
  return op(
    { x },
    {
      beta: numberOption("softplus", "beta", beta),
      threshold: numberOption("softplus", "threshold", threshold),
    },
  ).y;
}
