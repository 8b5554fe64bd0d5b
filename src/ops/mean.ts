import meanPixelsWgsl from "../../shaders/mean_pixels.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { CHANNELS_LAST } from "../core/layout.ts";
import { ceilDiv, numel } from "../core/shape.ts";
import { checkFloats, defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { broadcastTo } from "./broadcast-to.ts";
import { mul } from "./mul.ts";
import {
  isLong,
  keptShape,
  type ReduceAttrs,
  type ReduceOptions,
  reduceAttrs,
  reducedShape,
} from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { sum } from "./sum.ts";

const op = defineOp<"x", "y", ReduceAttrs>({
  name: "mean",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }, attrs) => ({ y: reducedShape(x, attrs) }),
  lowerings: [
    {
      name: "mean_pixels",
      wgsl: meanPixelsWgsl,
      layouts: { x: CHANNELS_LAST },
      prologues: { x: { name: "prologue", args: ["x"] } },
      when: (context) => context.shape.x.length === 4 && context.attrs.axes.join() === "2,3",
      suits: (context) => !isLong(context),
      launch: ({ shape, physical }) => {
        const [n, channels, h, w] = shape.x as [number, number, number, number];
        const c4 = physical.x.dims[3]! / 4;
        return {
          grid: linearGrid(ceilDiv(n * c4, 64)),
          const: { COUNT: n * c4, H: h, W: w, C4: c4, CHANNELS: channels },
        };
      },
    },
    {
      name: "scaled_sum",
      parts: ({ x }, attrs) => {
        const total = sum(x, attrs);
        return { y: mul(total, numel(total.shape) / numel(x.shape)) };
      },
    },
  ],
  gradient: ({ in: { x }, dy, attrs }) => {
    const share = mul(dy, numel(dy.shape) / numel(x.shape));
    return { x: broadcastTo(reshape(share, keptShape(x.shape, attrs.axes)), x.shape) };
  },
  cost: ({ shape }) => ({ flops: numel(shape.x) }),
});

/**
 * Arithmetic mean over axes.   y[k] = (1/n) Σ_r x[k, r]
 * Shapes  x any; y without the reduced axes, or with size 1 there (`keepDims`)
 * Errors  ShapeError for an axis out of range
 */
export function mean(x: Value, options: ReduceOptions = {}): Value {
  checkFloats({ name: "mean" }, { x });
  return op({ x }, reduceAttrs("mean", x.shape, options)).y;
}
