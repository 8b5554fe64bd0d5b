import { ShapeError } from "../core/errors.ts";
import { ceilDiv, formatShape, resolveAxis, type Shape, sameShape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { embed } from "./pad.ts";
import { stridedCopyKernel } from "./strided-copy.ts";

export interface SliceOptions {
  /** First position on each of `axes`; negative ones count from the end. */
  readonly starts: readonly number[];
  /** Position behind the last on each of `axes`; negative ones count from the end, the limit. */
  readonly ends: readonly number[];
  /** Axes that are cut; default the first ones. */
  readonly axes?: readonly number[];
  /** Distance of neighbours on each of `axes`; default 1. */
  readonly steps?: readonly number[];
}

/** For each axis the first position, the distance of neighbours and how many there are. */
export interface SliceAttrs {
  readonly begin: readonly number[];
  readonly step: readonly number[];
  readonly size: readonly number[];
}

const op = defineOp<"x", "y", SliceAttrs>({
  name: "slice",
  inputs: ["x"],
  outputs: ["y"],
  dtypes: { y: "like x" },
  shape: (_, { size }) => ({ y: size }),
  lowerings: [
    stridedCopyKernel("like x", ({ begin, step }) =>
      begin.map((first, axis) => ({ axis, begin: first, step: step[axis]! })),
    ),
  ],
  gradient: ({ in: { x }, dy, attrs: { begin, step } }) => ({
    x: embed(dy, { shape: x.shape, begin, step, fill: 0 }),
  }),
});

function sliceAttrs(shape: Shape, { starts, ends, axes, steps }: SliceOptions): SliceAttrs {
  const listed = (axes ?? starts.map((_, i) => i)).map((axis) => resolveAxis("slice", axis, shape.length));
  const begin = shape.map(() => 0);
  const step = shape.map(() => 1);
  const size = [...shape];
  checkLists(listed, { starts, ends, ...(steps && { steps }) });
  listed.forEach((axis, i) => {
    const length = shape[axis]!;
    const from = position(starts[i]!, length);
    const to = position(ends[i]!, length);
    begin[axis] = from;
    step[axis] = steps?.[i] ?? 1;
    size[axis] = Math.max(0, ceilDiv(to - from, step[axis]!));
    if (size[axis] === 0) {
      throw new ShapeError({
        op: "slice",
        problem: `range of axis ${axis}`,
        expected: `a start below the end, within ${length} elements`,
        got: `${starts[i]} to ${ends[i]}`,
        shapes: { x: formatShape(shape) },
        fix: "choose a range with at least one element",
      });
    }
  });
  return { begin, step, size };
}

function checkLists(axes: readonly number[], lists: Readonly<Record<string, readonly number[]>>): void {
  const wrong = (problem: string, expected: string, got: string) =>
    new ShapeError({ op: "slice", problem, expected, got, fix: "give one number for each axis" });
  if (new Set(axes).size !== axes.length) throw wrong("axes", "each axis once", `[${axes.join(", ")}]`);
  for (const [name, list] of Object.entries(lists)) {
    if (list.length !== axes.length)
      throw wrong(`length of ${name}`, `${axes.length} as axes`, `${list.length}`);
    const whole = list.every((n) => Number.isInteger(n) && (name !== "steps" || n > 0));
    if (!whole)
      throw wrong(name, name === "steps" ? "positive integers" : "integers", `[${list.join(", ")}]`);
  }
}

function position(listed: number, length: number): number {
  const fromStart = listed < 0 ? listed + length : listed;
  return Math.min(Math.max(fromStart, 0), length);
}

/** The elements begin + i·step of every axis, by resolved attributes. */
export function sliceBy(x: Value, attrs: SliceAttrs): Value {
  return sameShape(x.shape, attrs.size) ? x : op({ x }, attrs).y;
}

/**
 * Part of an array.   y[i, …] = x[start + i · step, …]
 * Shapes  x any; y with ⌈(end − start) / step⌉ elements on the axes that are cut
 * Errors  ShapeError for an axis out of range, lists of different lengths, a step below 1, an empty range
 */
export function slice(x: Value, options: SliceOptions): Value {
  return sliceBy(x, sliceAttrs(x.shape, options));
}
