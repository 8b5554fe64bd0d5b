import digitStrokesWgsl from "../../shaders/digit_strokes.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

/** Segments of an image at most: 12 spans between control points, 4 samples each. */
export const DIGIT_SEGMENTS = 48;

/** vec4s of an image: two of its own, two for each segment. */
export const DIGIT_VECTORS = 2 + 2 * DIGIT_SEGMENTS;

export interface DigitStrokesOptions {
  /** Images of one run. */
  readonly count: number;
  /** Pixels by which an image is moved at most, each way. Default 0. */
  readonly shift?: number;
}

const op = defineOp<"forms", "segments", Required<DigitStrokesOptions>>({
  name: "digit_strokes",
  inputs: ["forms"],
  outputs: ["segments"],
  shape: (_, { count }) => ({ segments: [count, DIGIT_VECTORS, 4] }),
  lowerings: [
    {
      name: "digit_strokes",
      wgsl: digitStrokesWgsl,
      launch: ({ attrs: { count, shift } }) => ({
        grid: linearGrid(ceilDiv(count, 64)),
        const: { COUNT: count, SEGMENTS: DIGIT_SEGMENTS, SHIFT: shift },
      }),
    },
  ],
  gradient: { none: "images are drawn, not trained" },
});

/**
 * Pen strokes of handwritten digits as segments in pixels, from (seed, step, image): image batchStart + i of the step's
 * row shows the digit (batchStart + i) mod 10.
 * Shapes  forms: words as src/data packs them; segments [count, 98, 4]: count of segments, 1/softness, fade, phase; the
 *         fade's waves; then (x, y, dx, dy), (radius, change of it, 1/length², reach) of each
 */
export function digitStrokes(forms: Value, { count, shift = 0 }: DigitStrokesOptions): Value {
  return op({ forms }, { count, shift }).segments;
}
