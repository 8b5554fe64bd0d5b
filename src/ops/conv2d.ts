import forwardWgsl from "../../shaders/conv2d_forward.wgsl?raw";
import depthwiseWgsl from "../../shaders/conv2d_forward_depthwise.wgsl?raw";
import fewWgsl from "../../shaders/conv2d_forward_few.wgsl?raw";
import plainWgsl from "../../shaders/conv2d_forward_plain.wgsl?raw";
import { CHANNELS_LAST, WEIGHT_HWIO } from "../core/layout.ts";
import { ceilDiv, dims4, numel } from "../core/shape.ts";
import { defineOp, type LaunchContext } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { add } from "./add.ts";
import {
  type Conv2dOptions,
  type ConvAttrs,
  checkBias,
  convAttrs,
  convShape,
  spanned,
  threadGrid,
  tileVecs,
} from "./conv-geometry.ts";
import { conv2dBackwardInput } from "./conv2d-backward-input.ts";
import { conv2dBackwardWeight } from "./conv2d-backward-weight.ts";
import {
  denseLaunch,
  type Forward,
  type ForwardNames,
  forwardDense,
  forwardFamily,
  forwardSizes,
} from "./conv2d-dense.ts";
import { forwardDepthwiseBlock } from "./conv2d-depthwise.ts";
import { forwardQuads } from "./conv2d-quads.ts";
import { forwardTiled } from "./conv2d-tiled.ts";
import { reshape } from "./reshape.ts";
import { winogradForward } from "./winograd.ts";

export type { Conv2dOptions } from "./conv-geometry.ts";

/** Pixels of one output row per thread, and how many input columns lie under them. */
function rowTile({ shape, attrs }: LaunchContext<ForwardNames, ConvAttrs>): {
  pixels: number;
  columns: number;
} {
  const s = shape.weight[3]!;
  const columns = (pixels: number) => spanned(pixels, attrs.strideW, s, attrs.dilationW);
  // Wide strides and dilations leave little to share between pixels, and gaps that are read in vain.
  const pixels = columns(4) <= 4 * s ? 4 : 1;
  return { pixels, columns: columns(pixels) };
}

/** Eight pixels of a row read the weight half as often as four; they pay unless the row's end leaves too many over. */
function fewTile(context: LaunchContext<ForwardNames, ConvAttrs>): { pixels: number; columns: number } {
  const tile = rowTile(context);
  const q = context.shape.y[3]!;
  if (tile.pixels === 1 || 7 * 8 * ceilDiv(q, 8) > 10 * 4 * ceilDiv(q, 4)) return tile;
  const { strideW, dilationW } = context.attrs;
  return { pixels: 8, columns: spanned(8, strideW, context.shape.weight[3]!, dilationW) };
}

/** Threads below which tiles stay small. */
const FEW_THREADS = 512;

/** Register tiles of pixels × up to two vec4s of channels. */
function dense(name: string, pixels: number, quick: boolean): Forward {
  return {
    name,
    wgsl: forwardWgsl,
    layouts: { x: CHANNELS_LAST, weight: WEIGHT_HWIO, y: CHANNELS_LAST },
    hooks: ["epilogue"],
    padZero: ["y"],
    quick,
    // Large tiles compile slowly, and leave a small problem with too few threads.
    suits: ({ shape: { y } }) => quick || numel(y) >= 64 * FEW_THREADS,
    when: (context) => forwardFamily(context) === "dense",
    launch: (context) => denseLaunch(forwardDense(context), pixels, context.attrs.groups),
  };
}

const few: Forward = {
  name: "conv2d_forward_few",
  wgsl: fewWgsl,
  layouts: { weight: WEIGHT_HWIO, y: CHANNELS_LAST },
  hooks: ["epilogue"],
  padZero: ["y"],
  when: (context) => forwardFamily(context) === "dense" && context.shape.x[1]! < 4,
  launch: (context) => {
    const [n, , p, q] = dims4("conv2d", context.shape.y);
    const k4 = context.physical.y.dims[3]! / 4;
    const vecs = tileVecs(k4, k4, 1);
    const { pixels, columns } = fewTile(context);
    return {
      grid: threadGrid(ceilDiv(k4, vecs) * ceilDiv(q, pixels) * n * p),
      const: {
        ...forwardSizes(context),
        TILE_PIXELS: pixels,
        COLUMNS: columns,
        TILE_VECS: vecs,
        ALL_ROWS: n * p,
        C: context.shape.x[1]!,
        K4: k4,
      },
    };
  },
};

const depthwise: Forward = {
  name: "conv2d_forward_depthwise",
  wgsl: depthwiseWgsl,
  layouts: { x: CHANNELS_LAST, weight: WEIGHT_HWIO, y: CHANNELS_LAST },
  hooks: ["epilogue"],
  quick: true,
  when: (context) => forwardFamily(context) === "depthwise",
  launch: (context) => {
    const [n, , p, q] = dims4("conv2d", context.shape.y);
    const c4 = context.physical.y.dims[3]! / 4;
    const { pixels, columns } = rowTile(context);
    return {
      grid: threadGrid(c4 * ceilDiv(q, pixels) * n * p),
      const: {
        ...forwardSizes(context),
        TILE_PIXELS: pixels,
        COLUMNS: columns,
        ALL_ROWS: n * p,
        C4: c4,
      },
    };
  },
};

const plain: Forward = {
  name: "conv2d_forward_plain",
  wgsl: plainWgsl,
  hooks: ["epilogue"],
  launch: (context) => {
    const { shape, attrs } = context;
    const [c, k] = [shape.x[1]!, shape.weight[0]!];
    const count = numel(shape.y);
    return {
      grid: threadGrid(count),
      const: {
        ...forwardSizes(context),
        COUNT: count,
        C: c,
        K: k,
        GROUP_C: c / attrs.groups,
        GROUP_K: k / attrs.groups,
      },
    };
  },
};

/** The bare convolution as a node; padding at the bottom and the right may be negative here, which crops. */
export const conv2dForward = defineOp<"x" | "weight", "y", ConvAttrs>({
  name: "conv2d",
  inputs: ["x", "weight"],
  outputs: ["y"],
  shape: ({ x, weight }, attrs) => ({ y: convShape("conv2d", x, weight, attrs) }),
  lowerings: [
    few,
    winogradForward.default,
    forwardQuads,
    ...forwardTiled,
    dense("conv2d_forward_large", 8, false),
    dense("conv2d_forward", 4, true),
    forwardDepthwiseBlock,
    depthwise,
    winogradForward.tried,
    plain,
  ],
  gradient: ({ in: { x, weight }, dy, attrs, needs }) => ({
    x:
      needs.x &&
      conv2dBackwardInput({ dy, weight }, { ...attrs, height: x.shape[2]!, width: x.shape[3]! }).dx,
    weight:
      needs.weight &&
      conv2dBackwardWeight({ x, dy }, { ...attrs, kernelH: weight.shape[2]!, kernelW: weight.shape[3]! })
        .dweight,
  }),
  cost: ({ shape }) => ({ flops: (2 * numel(shape.y) * numel(shape.weight)) / shape.weight[0]! }),
});

/**
 * 2-D cross-correlation.   y[n,k,p,q] = bias[k] + Σ_c,r,s x[n, c, p·stride − pad + r·dilation, …] · weight[k,c,r,s]
 * Shapes  x [N, C, H, W]; weight [K, C/groups, R, S]; bias [K] or null; y [N, K, P, Q], P = ⌊(H + pads − dilation·(R−1) − 1)/stride⌋ + 1
 * Errors  ShapeError for ranks, channels, groups or options that do not fit, or a window larger than the padded image
 * Source  implicit GEMM, Chetlur et al. 2014 (arXiv:1410.0759) §3
 */
export function conv2d(x: Value, weight: Value, bias: Value | null, options: Conv2dOptions = {}): Value {
  const { y } = conv2dForward({ x, weight }, convAttrs("conv2d", options));
  return withBias("conv2d", y, bias);
}

/** Adds one number per channel. */
export function withBias(op: string, y: Value, bias: Value | null): Value {
  if (!bias) return y;
  checkBias(op, bias.shape, y.shape[1]!);
  return add(y, reshape(bias, [1, y.shape[1]!, 1, 1]));
}
