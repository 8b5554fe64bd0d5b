import { ShapeError } from "../core/errors.ts";
import { PLAIN } from "../core/layout.ts";
import { formatShape, resolveAxis } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { reshape } from "./reshape.ts";
import { stridedCopyKernel } from "./strided-copy.ts";

const op = defineOp<"x", "y", { axes: readonly number[] }>({
  name: "permute",
  inputs: ["x"],
  outputs: ["y"],
  dtypes: { y: "like x" },
  shape: ({ x }, { axes }) => ({ y: axes.map((axis) => x[axis]!) }),
  lowerings: [stridedCopyKernel(PLAIN, ({ axes }) => axes.map((axis) => ({ axis })))],
  gradient: ({ dy, attrs: { axes } }) => ({
    x: permute(
      dy,
      axes.map((_, i) => axes.indexOf(i)),
    ),
  }),
});

/**
 * Axes in another order.   axis i of y is axis axes[i] of x
 * Shapes  x any; y [x.shape[axes[0]], x.shape[axes[1]], …]
 * Errors  ShapeError unless every axis is named once
 */
export function permute(x: Value, axes: readonly number[]): Value {
  const resolved = axes.map((axis) => resolveAxis("permute", axis, x.shape.length));
  if (resolved.length !== x.shape.length || new Set(resolved).size !== resolved.length) {
    throw new ShapeError({
      op: "permute",
      problem: "axes",
      expected: `each of the ${x.shape.length} axes once`,
      got: formatShape(axes),
      shapes: { x: formatShape(x.shape) },
      fix: "list every axis of x exactly once",
    });
  }
  const moved = resolved.filter((axis) => x.shape[axis] !== 1);
  const inOrder = moved.every((axis, i) => i === 0 || moved[i - 1]! < axis);
  // Only axes of size 1 change places: the elements stay where they are.
  if (inOrder)
    return reshape(
      x,
      resolved.map((axis) => x.shape[axis]!),
    );
  return op({ x }, { axes: resolved }).y;
}
