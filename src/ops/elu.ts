import exponentialUnits from "../../shaders/elu.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { numberOption } from "./numbers.ts";

export interface EluOptions {
  /** What the function tends to below, negated; default 1. */
  readonly alpha?: number;
}

const op = defineOp<"x", "y", { alpha: number }>({
  name: "elu",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: {
    wgsl: exponentialUnits,
    fn: "elu",
    backward: "elu_backward",
    params: (attrs) => [(attrs as { alpha: number }).alpha],
    zeroToZero: true,
  },
});

/**
 * Exponential linear unit.   y = x above 0, α · (e^x − 1) elsewhere; gradient α at x = 0
 * Shapes  x any; y as x
 * Errors  OptionError for an alpha that is not finite
 * Source  Clevert et al. 2015 (arXiv:1511.07289)
 */
export function elu(x: Value, { alpha = 1 }: EluOptions = {}): Value {
  return op({ x }, { alpha: numberOption("elu", "alpha", alpha) }).y;
}
