import { ShapeError } from "../core/errors.ts";
import { formatShape, numel, type Shape, sameShape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

const op = defineOp<"x", "y", { shape: Shape }>({
  name: "reshape",
  inputs: ["x"],
  outputs: ["y"],
  dtypes: { y: "like x" },
  shape: ({ x }, { shape }) => ({ y: resolveShape(x, shape) }),
  view: true,
  gradient: ({ in: { x }, dy }) => ({ x: reshape(dy, x.shape) }),
});

/** Fills in a single −1 and checks the element count. */
function resolveShape(x: Shape, shape: Shape): number[] {
  const known = numel(shape.filter((size) => size !== -1));
  const unknown = shape.filter((size) => size === -1).length;
  const resolved = shape.map((size) => (size === -1 ? numel(x) / known : size));
  if (
    unknown > 1 ||
    numel(resolved) !== numel(x) ||
    resolved.some((size) => !Number.isInteger(size) || size < 0)
  ) {
    throw new ShapeError({
      op: "reshape",
      problem: "number of elements",
      expected: `${numel(x)} as in x, with at most one size left as -1`,
      got: formatShape(shape),
      shapes: { x: formatShape(x) },
      fix: "choose sizes whose product is the number of elements",
    });
  }
  return resolved;
}

/**
 * The same elements in logical row-major order under a new shape.
 * Shapes  x any; y = `shape`, in which one size may be −1
 * Errors  ShapeError if the element counts differ
 */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  return op({ x }, { shape }).y;
}
