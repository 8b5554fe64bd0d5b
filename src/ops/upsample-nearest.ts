import { ShapeError } from "../core/errors.ts";
import { dims4 } from "../core/shape.ts";
import { checkFloats } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { broadcastTo } from "./broadcast-to.ts";
import { reshape } from "./reshape.ts";

export interface UpsampleOptions {
  /** Repeats along H and W, or one number for both. */
  readonly scale: number | readonly [number, number];
}

/**
 * Nearest-neighbour upsampling by whole factors.   y[n, c, h, w] = x[n, c, ⌊h / sh⌋, ⌊w / sw⌋]
 * A broadcast between two views; its gradient sums the pixels that were one.
 * Shapes  x [N, C, H, W]; y [N, C, H·sh, W·sw]
 * Errors  ShapeError for another rank or factors that are no positive integers
 */
export function upsampleNearest(x: Value, { scale }: UpsampleOptions): Value {
  checkFloats({ name: "upsampleNearest" }, { x });
  const [n, c, h, w] = dims4("upsampleNearest", x.shape);
  const [sh, sw] = typeof scale === "number" ? [scale, scale] : scale;
  if (![sh, sw].every((factor) => Number.isInteger(factor) && factor > 0)) {
    throw new ShapeError({
      op: "upsampleNearest",
      problem: "scale",
      expected: "positive integers",
      got: `[${sh}, ${sw}]`,
    });
  }
  const repeated = broadcastTo(reshape(x, [n, c, h, 1, w, 1]), [n, c, h, sh, w, sw]);
  return reshape(repeated, [n, c, h * sh, w * sw]);
}
