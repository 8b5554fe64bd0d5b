import { dims4 } from "../core/shape.ts";
import type { Value } from "../graph/value.ts";
import type { GlobalPoolOptions } from "./global-avg-pool2d.ts";
import { maxPool2d } from "./max-pool2d.ts";
import { reshape } from "./reshape.ts";

/**
 * Maximum over H and W: one window that is the image; the gradient goes to the first of the largest.
 * Shapes  x [N, C, H, W]; y [N, C], or [N, C, 1, 1] with keepDims
 * Errors  ShapeError for another rank
 */
export function globalMaxPool2d(x: Value, { keepDims = false }: GlobalPoolOptions = {}): Value {
  const [n, c, h, w] = dims4("globalMaxPool2d", x.shape);
  const y = maxPool2d(x, { kernel: [h, w] });
  return keepDims ? y : reshape(y, [n, c]);
}
