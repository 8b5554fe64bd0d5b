import augmentDrawWgsl from "../../shaders/augment_draw.wgsl?raw";
import { ceilDiv } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

/** How images of a batch may be changed; every number is the largest change, each way. */
export interface AugmentAttrs {
  /** Share of the width and height. */
  readonly shift: number;
  /** Whole pixels. */
  readonly crop: number;
  readonly flip: "none" | "horizontal" | "vertical" | "both";
  /** Degrees. */
  readonly rotate: number;
  /** Degrees. */
  readonly shear: number;
  /** Least and largest factor. */
  readonly scale: readonly [number, number];
  readonly brightness: number;
  readonly contrast: number;
  /** Side of a square in pixels. */
  readonly cutout: number;
  /** Value outside of the image, before normalisation. */
  readonly fill: number;
}

interface DrawAttrs extends AugmentAttrs {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

const op = defineOp<"indices" | "key", "params", DrawAttrs>({
  name: "augment_draw",
  inputs: ["indices", "key"],
  outputs: ["params"],
  shape: (_, { batch }) => ({ params: [batch, 3, 4] }),
  lowerings: [
    {
      name: "augment_draw",
      wgsl: augmentDrawWgsl,
      launch: ({ attrs }) => ({ grid: [ceilDiv(attrs.batch, 64)], const: constants(attrs) }),
    },
  ],
  gradient: { none: "data sets are not trained" },
});

function constants({ batch, width, height, flip, scale, ...attrs }: DrawAttrs) {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  return {
    COUNT: batch,
    WIDTH: width,
    HEIGHT: height,
    SHIFT_X: attrs.shift * width,
    SHIFT_Y: attrs.shift * height,
    CROP: attrs.crop,
    FLIP_X: flip === "horizontal" || flip === "both",
    FLIP_Y: flip === "vertical" || flip === "both",
    ROTATE: radians(attrs.rotate),
    SHEAR: Math.tan(radians(attrs.shear)),
    SCALE_LOW: Math.log(scale[0]),
    SCALE_HIGH: Math.log(scale[1]),
    BRIGHTNESS: attrs.brightness,
    CONTRAST: attrs.contrast,
    CUTOUT: attrs.cutout,
  };
}

/**
 * How each image of a batch is changed, drawn from (key, example), whatever the batch.
 * Shapes  indices [count] u32; key [1] u32; params [batch, 3, 4]: the matrix to the source; the source of the middle,
 *         contrast, brightness; the box cut out
 */
export function augmentDraw(indices: Value, key: Value, attrs: DrawAttrs): Value {
  return op({ indices, key }, attrs).params;
}
