import rectifiers from "../../shaders/rectifiers.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { numberOption } from "./numbers.ts";

export interface LeakyReluOptions {
  /** Slope below 0; default 0.01. */
  readonly negativeSlope?: number;
}

const op = defineOp<"x", "y", { negativeSlope: number }>({
  name: "leaky_relu",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: {
    wgsl: rectifiers,
    fn: "leaky_relu",
    backward: "leaky_relu_backward",
    params: (attrs) => [(attrs as { negativeSlope: number }).negativeSlope],
    zeroToZero: true,
  },
});

/**
 * Rectifier that leaks.   y = x above 0, negativeSlope · x elsewhere; gradient negativeSlope at x = 0
 * Shapes  x any; y as x
 * Errors  OptionError for a slope that is not finite
 */
export function leakyRelu(x: Value, { negativeSlope = 0.01 }: LeakyReluOptions = {}): Value {
  return op({ x }, { negativeSlope: numberOption("leakyRelu", "negativeSlope", negativeSlope) }).y;
}
