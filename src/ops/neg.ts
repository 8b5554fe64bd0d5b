import arithmetic from "../../shaders/arithmetic.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp({
  name: "neg",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: arithmetic, fn: "neg", zeroToZero: true },
  gradient: ({ dy }) => ({ x: neg(dy) }),
});

/**
 * Negation.   y = −x
 * Shapes  x any; y as x
 */
export function neg(x: Value): Value {
  return op({ x }, {}).y;
}
