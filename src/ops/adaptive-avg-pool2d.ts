import { dims4 } from "../core/shape.ts";
import { checkFloats } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { average } from "./avg-pool2d.ts";
import { type Pair, pairOption } from "./conv-geometry.ts";

export interface AdaptiveAvgPool2dOptions {
  /** Height and width of the result, or one number for both. */
  readonly outputSize: Pair;
}

/**
 * Mean over the parts into which an image divides: part p holds rows ⌊p·H/P⌋ … ⌈(p+1)·H/P⌉ − 1.
 * Shapes  x [N, C, H, W]; y [N, C, *outputSize]
 * Errors  ShapeError for another rank, or sizes that are no positive integers
 * Source  torch.nn.AdaptiveAvgPool2d
 */
export function adaptiveAvgPool2d(x: Value, { outputSize }: AdaptiveAvgPool2dOptions): Value {
  const op = "adaptiveAvgPool2d";
  checkFloats({ name: op }, { x });
  const [, , h, w] = dims4(op, x.shape);
  const [p, q] = pairOption(op, "outputSize", outputSize, 1);
  const attrs = {
    kernelH: Math.ceil(h / p),
    kernelW: Math.ceil(w / q),
    strideH: 1,
    strideW: 1,
    dilationH: 1,
    dilationW: 1,
    pad: { top: 0, left: 0, bottom: 0, right: 0 },
    ceilMode: false,
    countIncludePad: false,
    parts: [p, q] as const,
  };
  return average({ x }, attrs).y;
}
