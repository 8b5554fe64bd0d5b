import digitPixelsWgsl from "../../shaders/digit_pixels.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { DIGIT_SEGMENTS } from "./digit-strokes.ts";

/** Height and width of an image. */
export const DIGIT_SIDE = 28;

const op = defineOp<"segments" | "images", never>({
  name: "digit_pixels",
  inputs: ["segments", "images"],
  outputs: [],
  writes: ["images"],
  shape: () => ({}),
  lowerings: [
    {
      name: "digit_pixels",
      wgsl: digitPixelsWgsl,
      launch: ({ shape }) => ({
        grid: linearGrid(ceilDiv(shape.segments[0]! * DIGIT_SIDE, 64)),
        const: { COUNT: shape.segments[0]!, SEGMENTS: DIGIT_SEGMENTS },
      }),
    },
  ],
  gradient: { none: "images are drawn, not trained" },
});

/**
 * Draws pen strokes into images of bytes.   pixel = 255·clamp(1/2 − (d − r)/softness), d the distance to the nearest
 * segment and r the pen's radius there
 * Shapes  segments [count, 98, 4] of `digitStrokes`; images: words of [all, 28, 28] bytes, of which batchStart …
 *         batchStart + batchSize − 1 of the step's row are written
 */
export function digitPixels(segments: Value, images: Value): void {
  op({ segments, images }, {});
}
