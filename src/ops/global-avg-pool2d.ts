import { dims4 } from "../core/shape.ts";
import type { Value } from "../graph/value.ts";
import { mean } from "./mean.ts";

export interface GlobalPoolOptions {
  /** Keep H and W with size 1; default false. */
  readonly keepDims?: boolean;
}

/**
 * Mean over H and W.   y[n,c] = Σ_h,w x[n,c,h,w] / (H·W)
 * Shapes  x [N, C, H, W]; y [N, C], or [N, C, 1, 1] with keepDims
 * Errors  ShapeError for another rank
 */
export function globalAvgPool2d(x: Value, { keepDims = false }: GlobalPoolOptions = {}): Value {
  dims4("globalAvgPool2d", x.shape);
  return mean(x, { axes: [2, 3], keepDims });
}
