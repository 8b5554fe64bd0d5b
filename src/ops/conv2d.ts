import forwardWgsl from "../../shaders/conv2d_forward.wgsl?raw";
import depthwiseWgsl from "../../shaders/conv2d_forward_depthwise.wgsl?raw";
import fewWgsl from "../../shaders/conv2d_forward_few.wgsl?raw";
import plainWgsl from "../../shaders/conv2d_forward_plain.wgsl?raw";
import { CHANNELS_LAST, WEIGHT_HWIO } from "../core/layout.ts";
import { ceilDiv, dims4, numel } from "../core/shape.ts";
import { type ChoiceContext, defineOp, type Kernel, type LaunchContext } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { add } from "./add.ts";
import {
  type Conv2dOptions,
  type ConvAttrs,
  checkBias,
  convAttrs,
  convFamily,
  convShape,
  geometryConsts,
  maskedLoad,
  tapsApart,
  threadGrid,
  tileVecs,
} from "./conv-geometry.ts";
import { conv2dBackwardInput } from "./conv2d-backward-input.ts";
import { conv2dBackwardWeight } from "./conv2d-backward-weight.ts";
import { reshape } from "./reshape.ts";
import { winogradForward } from "./winograd.ts";

export type { Conv2dOptions } from "./conv-geometry.ts";

type Names = "x" | "weight" | "y";
type Forward = Kernel<"x" | "weight", "y", ConvAttrs>;

function family({ shape, attrs }: ChoiceContext<Names, ConvAttrs>) {
  return convFamily(shape.x[1]!, shape.weight[0]!, attrs.groups);
}

/** Sizes of images and kernel, as every forward file declares them. */
function sizeConsts({ shape, attrs }: LaunchContext<Names, ConvAttrs>): Record<string, number> {
  const [, , h, w] = dims4("conv2d", shape.x);
  const [, , p, q] = dims4("conv2d", shape.y);
  const [, , r, s] = dims4("conv2d", shape.weight);
  return { P: p, Q: q, H: h, W: w, R: r, S: s, ...geometryConsts(attrs) };
}

/** Pixels of one output row per thread, and how many input columns lie under them. */
function rowTile({ shape, attrs }: LaunchContext<Names, ConvAttrs>): { pixels: number; columns: number } {
  const s = shape.weight[3]!;
  const columns = (pixels: number) => (pixels - 1) * attrs.strideW + (s - 1) * attrs.dilationW + 1;
  // Wide strides and dilations leave little to share between pixels, and gaps that are read in vain.
  const pixels = columns(4) <= 4 * s ? 4 : 1;
  return { pixels, columns: columns(pixels) };
}

const dense: Forward = {
  name: "conv2d_forward",
  wgsl: forwardWgsl,
  layouts: { x: CHANNELS_LAST, weight: WEIGHT_HWIO, y: CHANNELS_LAST },
  hooks: ["epilogue"],
  padZero: ["y"],
  when: (context) => family(context) === "dense",
  launch: (context) => {
    const { shape, physical, attrs, padZero } = context;
    const [n, k, p, q] = dims4("conv2d", shape.y);
    const c = shape.x[1]!;
    const [c4, k4] = [physical.x.dims[3]! / 4, physical.y.dims[3]! / 4];
    const groupK4 = attrs.groups === 1 ? k4 : k / attrs.groups / 4;
    const [pixels, vecs] = [4, tileVecs(k4, groupK4, attrs.groups)];
    return {
      grid: threadGrid(ceilDiv(k4, vecs) * ceilDiv(n * p * q, pixels)),
      const: {
        ...sizeConsts(context),
        TILE_PIXELS: pixels,
        TILE_VECS: vecs,
        PIXELS: n * p * q,
        C4: c4,
        K4: k4,
        GROUP_C4: attrs.groups === 1 ? c4 : c / attrs.groups / 4,
        GROUP_K4: groupK4,
        TAPS_APART: tapsApart(c / attrs.groups, shape.weight),
      },
      ...(c % 4 !== 0 && !padZero.x && { hook: { a_load: maskedLoad("x", c) } }),
    };
  },
};

const few: Forward = {
  name: "conv2d_forward_few",
  wgsl: fewWgsl,
  layouts: { weight: WEIGHT_HWIO, y: CHANNELS_LAST },
  hooks: ["epilogue"],
  padZero: ["y"],
  when: (context) => family(context) === "dense" && context.shape.x[1]! < 4,
  launch: (context) => {
    const [n, , p, q] = dims4("conv2d", context.shape.y);
    const k4 = context.physical.y.dims[3]! / 4;
    const vecs = tileVecs(k4, k4, 1);
    const { pixels, columns } = rowTile(context);
    return {
      grid: threadGrid(ceilDiv(k4, vecs) * ceilDiv(q, pixels) * n * p),
      const: {
        ...sizeConsts(context),
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
  when: (context) => family(context) === "depthwise",
  launch: (context) => {
    const [n, , p, q] = dims4("conv2d", context.shape.y);
    const c4 = context.physical.y.dims[3]! / 4;
    const { pixels, columns } = rowTile(context);
    return {
      grid: threadGrid(c4 * ceilDiv(q, pixels) * n * p),
      const: {
        ...sizeConsts(context),
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
        ...sizeConsts(context),
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
  lowerings: [few, winogradForward.default, dense, depthwise, winogradForward.tried, plain],
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
