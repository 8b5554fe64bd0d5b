import { ShapeError } from "../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { numberOption } from "./numbers.ts";
import { sliceBy } from "./slice.ts";
import { stridedCopyKernel } from "./strided-copy.ts";

export interface PadOptions {
  /** Elements before and after, one pair for each axis. */
  readonly pads: readonly (readonly [number, number])[];
  /** What the new elements hold; default 0. */
  readonly value?: number;
}

/** Shape of the result, place and spacing of x's elements in it by axis, bits of the other elements. */
export interface EmbedAttrs {
  readonly shape: Shape;
  readonly begin: readonly number[];
  readonly step: readonly number[];
  readonly fill: number;
}

const op = defineOp<"x", "y", EmbedAttrs>({
  name: "pad",
  inputs: ["x"],
  outputs: ["y"],
  dtypes: { y: "like x" },
  shape: (_, { shape }) => ({ y: shape }),
  lowerings: [
    stridedCopyKernel(
      "like x",
      ({ begin, step }) => begin.map((first, axis) => ({ axis, begin: -first, divisor: step[axis]! })),
      ({ fill }) => fill,
    ),
  ],
  gradient: ({ in: { x }, dy, attrs: { begin, step } }) => ({
    x: sliceBy(dy, { begin, step, size: x.shape }),
  }),
});

/** x spread over a larger array: the gradient of a slice. */
export function embed(x: Value, attrs: EmbedAttrs): Value {
  return sameShape(x.shape, attrs.shape) ? x : op({ x }, attrs).y;
}

/**
 * Margins of a constant value.   y[before + i, …] = x[i, …], else value
 * Shapes  x any; y with before + after more elements on each axis
 * Errors  ShapeError for another number of pairs than axes, or sizes that are no whole numbers of at least 0
 */
export function pad(x: Value, { pads, value = 0 }: PadOptions): Value {
  const whole = pads.every((pair) => pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0));
  if (pads.length !== x.shape.length || !whole) {
    throw new ShapeError({
      op: "pad",
      problem: "pads",
      expected: `${x.shape.length} pairs of whole numbers [before, after], one for each axis`,
      got: JSON.stringify(pads),
      shapes: { x: formatShape(x.shape) },
      fix: whole ? "write [0, 0] for axes that stay" : "use slice to cut elements off",
    });
  }
  const number = numberOption("pad", "value", value);
  const bits = x.dtype === "f32" ? Float32Array.of(number) : Int32Array.of(number);
  return embed(x, {
    shape: x.shape.map((size, axis) => size + pads[axis]![0] + pads[axis]![1]),
    begin: pads.map(([before]) => before),
    step: pads.map(() => 1),
    fill: new Uint32Array(bits.buffer)[0]!,
  });
}
