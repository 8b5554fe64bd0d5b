import flipLabelsWgsl from "../../shaders/flip_labels.wgsl?raw";
import { ShapeError } from "../core/errors.ts";
import { linearGrid } from "../core/grid.ts";
import { hashString } from "../core/random.ts";
import { ceilDiv, numel } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { currentPath } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import { numberOption } from "./numbers.ts";

export interface FlipLabelsOptions {
  /** Share of the labels that are drawn anew. */
  readonly p: number;
  readonly classes: number;
}

const op = defineOp<"labels", "y", FlipLabelsOptions & { hash: number }>({
  name: "flip_labels",
  inputs: ["labels"],
  outputs: ["y"],
  dtypes: { y: "like labels" },
  shape: ({ labels }) => ({ y: labels }),
  lowerings: [
    {
      name: "flip_labels",
      wgsl: flipLabelsWgsl,
      launch: ({ shape, attrs: { p, classes, hash } }) => ({
        grid: linearGrid(ceilDiv(numel(shape.y), 64)),
        const: { COUNT: numel(shape.y), CLASSES: classes, P: p, PATH_HASH: hash },
      }),
    },
  ],
  gradient: { none: "labels have no slope" },
});

/**
 * Draws a share p of the labels anew, uniformly from all classes (the old one included); negative labels stay. The
 * draws depend on seed, step, micro-batch and layer path only.
 * Shapes  labels i32 of any shape; y as labels
 * Units   p probability
 * Errors  ShapeError for labels that are no integers; OptionError for a p outside [0, 1] or fewer than one class
 * Source  Patrini et al. 2017 (arXiv:1609.03683), symmetric noise
 */
export function flipLabels(labels: Value, { p, classes }: FlipLabelsOptions): Value {
  if (labels.dtype !== "i32") {
    throw new ShapeError({
      op: "flipLabels",
      problem: "dtype of the labels",
      expected: "i32 (class indices)",
      got: labels.dtype,
    });
  }
  const attrs = {
    p: numberOption("flipLabels", "p", p, 0, 1),
    classes: numberOption("flipLabels", "classes", classes, 1, 2 ** 24),
    hash: hashString(currentPath()),
  };
  return op({ labels }, attrs).y;
}
