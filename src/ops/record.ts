import recordWgsl from "../../shaders/record.wgsl?raw";
import { ShapeError } from "../core/errors.ts";
import { formatShape, numel } from "../core/shape.ts";
import { defineOp, type OpSpec } from "../graph/define.ts";
import { flat } from "../graph/leaf.ts";
import type { Value } from "../graph/value.ts";

/** Scalars of one dispatch: with the ring itself they are the eight buffers that every device can bind. */
const PER_DISPATCH = 7;
/** Scalars of one row of the ring. */
export const COLUMNS = 16;

export interface RecordAttrs {
  /** Column of the first scalar. */
  readonly first: number;
}

const op = defineOp<string, never, RecordAttrs>({
  name: "record",
  inputs: [],
  outputs: [],
  variadic: true,
  writes: ["records"],
  shape: () => ({}),
  lowerings: [
    {
      name: "record",
      wgsl: recordWgsl,
      launch: ({ shape, attrs: { first } }) => {
        const count = Object.keys(shape).filter((name) => name !== "records").length;
        const others = Array.from({ length: count - 1 }, (_, i) => i + 1);
        return {
          grid: [1],
          const: { COUNT: count, FIRST: first, COLUMNS },
          hook: {
            scalar: `${others.map((j) => `if (j == ${j}u) { return v${j}[0]; }`).join(" ")} return v0[0];`,
          },
          append: others.map((j) => `@group(0) @binding(${j}) var<storage, read> v${j}: array<f32>;`),
        };
      },
    },
  ],
  gradient: { none: "it has no result" },
});

/** The op itself, for passes. */
export const RECORD: OpSpec = op.spec;

/**
 * Writes scalars into this step's row of the ring of records, from a column on, from which the host reads them later.
 * Shapes  every value [] (or one element)
 * Errors  ShapeError for a value of more than one element, one that is not f32, or more than 16 values
 */
export function record(values: readonly Value[], column = 0): void {
  const wrong = values.find((value) => numel(value.shape) !== 1 || value.dtype !== "f32");
  if (wrong || values.length + column > COLUMNS) {
    throw new ShapeError({
      op: "record",
      problem: wrong ? "a value" : "number of values",
      expected: wrong ? "one f32 number" : `at most ${COLUMNS - column}`,
      got: wrong ? `${wrong.dtype} ${formatShape(wrong.shape)}` : `${values.length}`,
      fix: wrong ? "take its mean or sum" : "record fewer metrics",
    });
  }
  for (let first = 0; first < values.length; first += PER_DISPATCH) {
    const some = values.slice(first, first + PER_DISPATCH);
    op(
      { ...Object.fromEntries(some.map((value, j) => [`v${j}`, value])), records: flat("records") },
      { first: first + column },
    );
  }
}
