import { ShapeError } from "../core/errors.ts";
import { formatShape, numel, resolveAxis } from "../core/shape.ts";
import type { Value } from "../graph/value.ts";
import { reshape } from "./reshape.ts";

export interface FlattenOptions {
  /** First axis that is merged; default 1, which keeps the batch. */
  readonly start?: number;
  /** Last axis that is merged; default −1. */
  readonly end?: number;
}

/**
 * Merges neighbouring axes into one, in logical row-major (NCHW) order.
 * Shapes  x any; y [..., product of the axes from start to end, ...]; a scalar becomes [1]
 * Errors  ShapeError for an axis out of range, or a start behind the end
 */
export function flatten(x: Value, { start = 1, end = -1 }: FlattenOptions = {}): Value {
  const rank = x.shape.length;
  if (rank === 0) return reshape(x, [1]);
  const first = resolveAxis("flatten", start, rank);
  const last = resolveAxis("flatten", end, rank);
  if (first > last) {
    throw new ShapeError({
      op: "flatten",
      problem: "axes in the wrong order",
      expected: `start at or before end ${end}`,
      got: `start ${start}`,
      shapes: { x: formatShape(x.shape) },
      fix: "exchange start and end",
    });
  }
  const merged = numel(x.shape.slice(first, last + 1));
  return reshape(x, [...x.shape.slice(0, first), merged, ...x.shape.slice(last + 1)]);
}
