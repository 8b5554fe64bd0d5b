import { at } from "./tensor.ts";

/** Attributes and index arithmetic shared by the references that slide a window over an image. */

export type Pair = number | readonly [number, number];
export interface Sides {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}
export type Padding = Pair | Sides;

/** [vertical, horizontal]. */
export function pairOf(value: Pair | undefined, fallback: number): readonly [number, number] {
  if (value === undefined) {
    return [fallback, fallback];
  }
  return typeof value === "number" ? [value, value] : value;
}

export function sidesOf(padding: Padding | undefined): Sides {
  if (typeof padding === "object" && "top" in padding) {
    return padding;
  }
  const [vertical, horizontal] = pairOf(padding, 0);
  return { top: vertical, left: horizontal, bottom: vertical, right: horizontal };
}

/** The four extents of an NCHW or KCRS shape. */
export function dims4(shape: readonly number[]): readonly [number, number, number, number] {
  if (shape.length !== 4) {
    throw new Error(`reference: expected rank 4, got [${shape.join(", ")}]`);
  }
  return [at(shape, 0), at(shape, 1), at(shape, 2), at(shape, 3)];
}

/**
 * Number of window positions along one axis: ⌊(extent + before + after − window) / stride⌋ + 1. With `ceil` the
 * last window may hang over the end, but it must start inside the image or the padding before it.
 */
export function positions(
  extent: number,
  before: number,
  after: number,
  window: number,
  stride: number,
  ceil = false,
): number {
  const steps = (extent + before + after - window) / stride;
  const count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  return ceil && (count - 1) * stride >= extent + before ? count - 1 : count;
}
