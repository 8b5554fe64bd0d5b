import { ShapeError } from "./errors.ts";

/** Logical dimensions, outermost first. Rank-4 activations are [N, C, H, W] whatever their layout in memory. */
export type Shape = readonly number[];

/** Number of elements; 1 for a scalar. */
export function numel(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** ⌈a / b⌉ */
export function ceilDiv(a: number, b: number): number {
  return Math.floor((a + b - 1) / b);
}

/** Smallest multiple of `multiple` that is at least `n`. */
export function roundUp(n: number, multiple: number): number {
  return ceilDiv(n, multiple) * multiple;
}

/** Row-major strides in elements. */
export function rowMajorStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  }
  return strides;
}

const AXIS_NAMES: Readonly<Record<number, readonly string[]>> = {
  2: ["N", "C"],
  3: ["N", "C", "L"],
  4: ["N", "C", "H", "W"],
};

/** "[2, 3, 28, 28]", or with axis names "[N=2, C=3, H=28, W=28]". */
export function formatShape(shape: Shape, names?: readonly string[] | "activation"): string {
  const labels = names === "activation" ? AXIS_NAMES[shape.length] : names;
  return `[${shape.map((size, axis) => (labels?.[axis] ? `${labels[axis]}=${size}` : `${size}`)).join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/**
 * Shape of an elementwise result: axes are aligned from the right, an axis of size 1 repeats.
 * Errors  ShapeError if two sizes differ and neither is 1
 * Source  NumPy broadcasting rules
 */
export function broadcastShapes(op: string, ...shapes: readonly Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let result = 1;
    for (const shape of shapes) {
      const size = shape[axis - rank + shape.length] ?? 1;
      if (size === 1 || size === result) continue;
      if (result !== 1) {
        throw new ShapeError({
          op,
          problem: "operands do not broadcast",
          expected: `axis ${axis - rank} of size ${result} or 1`,
          got: `${size}`,
          shapes: Object.fromEntries(shapes.map((s, i) => [String.fromCharCode(97 + i), formatShape(s)])),
          fix: "make the sizes equal, or reshape one operand so that the axis has size 1",
        });
      }
      result = size;
    }
    return result;
  });
}

/** Resolves a negative axis and checks its range. */
export function resolveAxis(op: string, axis: number, rank: number): number {
  if (rank === 0) {
    throw new ShapeError({
      op,
      problem: "axis of a scalar",
      expected: "a value of rank 1 or more",
      got: `axis ${axis} of rank 0`,
      fix: "reshape the value, for example reshape(x, [1])",
    });
  }
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new ShapeError({
      op,
      problem: "axis out of range",
      expected: `an integer from ${-rank} to ${rank - 1} for a value of rank ${rank}`,
      got: `${axis}`,
    });
  }
  return resolved;
}

/** The four sizes of a rank-4 shape. */
export function dims4(op: string, shape: Shape, name = "x"): [number, number, number, number] {
  if (shape.length !== 4) {
    throw new ShapeError({
      op,
      problem: `rank of ${name}`,
      expected: "4 ([N, C, H, W])",
      got: `${shape.length}`,
      shapes: { [name]: formatShape(shape) },
      fix: "reshape the value, for example reshape(x, [N, C, H, W])",
    });
  }
  return shape as unknown as [number, number, number, number];
}
