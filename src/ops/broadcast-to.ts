import broadcastWgsl from "../../shaders/identity.wgsl?raw";
import { type Shape, sameShape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { filled } from "../graph/leaf.ts";
import type { Value } from "../graph/value.ts";
import { sumTo } from "./sum.ts";

const op = defineOp<"x", "y", { shape: Shape }>({
  name: "broadcast_to",
  inputs: ["x"],
  outputs: ["y"],
  shape: (_, { shape }) => ({ y: shape }),
  pointwise: { wgsl: broadcastWgsl, fn: "identity", zeroToZero: true },
  gradient: ({ in: { x }, dy }) => ({ x: sumTo(dy, x.shape) }),
});

/**
 * Repeats axes of size 1.   y[i, j] = x[i, 0]
 * Shapes  x broadcastable to `shape`; y = `shape`
 */
export function broadcastTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  return op({ x }, { shape }).y;
}

/** An array of one number in the shape of another value. */
export function fullLike(x: Value, value: number): Value {
  return broadcastTo(filled([], value), x.shape);
}
