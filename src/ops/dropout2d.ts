import { ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import type { Value } from "../graph/value.ts";
import { type DropoutOptions, drop } from "./dropout.ts";

/**
 * Dropout of whole channels: one random number for each channel of each example, numbered n·C + c.
 * Shapes  x [N, C, …] of rank 3 or more; y as x
 * Units   p probability
 * Errors  ShapeError for a lower rank; OptionError for a p outside [0, 1]
 * Source  Tompson et al. 2014 (arXiv:1411.4280)
 */
export function dropout2d(x: Value, options: DropoutOptions = {}): Value {
  if (x.shape.length < 3) {
    throw new ShapeError({
      op: "dropout2d",
      problem: "rank of x",
      expected: "3 or more ([N, C, …])",
      got: `${x.shape.length}`,
      shapes: { x: formatShape(x.shape) },
      fix: "use dropout, which drops single elements",
    });
  }
  return drop("dropout2d", x, options, true);
}
