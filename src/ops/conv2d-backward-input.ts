import denseWgsl from "../../shaders/conv2d_backward_input.wgsl?raw";
import depthwiseWgsl from "../../shaders/conv2d_backward_input_depthwise.wgsl?raw";
import plainWgsl from "../../shaders/conv2d_backward_input_plain.wgsl?raw";
import { CHANNELS_LAST, WEIGHT_HWIO } from "../core/layout.ts";
import { ceilDiv, numel } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { threadGrid } from "./conv-geometry.ts";
import {
  classPixels,
  denseLaunch,
  type InputGradient,
  type InputGradientAttrs,
  inputGradientDense,
  inputGradientFamily,
  inputGradientSizes,
  stepConsts,
} from "./conv2d-dense.ts";
import { inputGradientDepthwiseBlock } from "./conv2d-depthwise.ts";
import { inputGradientQuads } from "./conv2d-quads.ts";
import { inputGradientTiled } from "./conv2d-tiled.ts";
import { winogradInputGradient } from "./winograd.ts";

/** Threads below which tiles stay small. */
const FEW_THREADS = 512;

/** Register tiles of pixels × up to two vec4s of channels. */
function dense(name: string, pixels: number, quick: boolean): InputGradient {
  return {
    name,
    wgsl: denseWgsl,
    layouts: { dy: CHANNELS_LAST, weight: WEIGHT_HWIO, dx: CHANNELS_LAST },
    hooks: ["epilogue"],
    padZero: ["dx"],
    quick,
    // Large tiles compile slowly, and leave a small problem with too few threads.
    suits: ({ shape: { dx: y } }) => quick || numel(y) >= 64 * FEW_THREADS,
    when: (context) => inputGradientFamily(context) === "dense",
    launch: (context) => denseLaunch(inputGradientDense(context), pixels, context.attrs.groups),
  };
}

const depthwise: InputGradient = {
  name: "conv2d_backward_input_depthwise",
  wgsl: depthwiseWgsl,
  layouts: { dy: CHANNELS_LAST, weight: WEIGHT_HWIO, dx: CHANNELS_LAST },
  hooks: ["epilogue"],
  quick: true,
  when: (context) => inputGradientFamily(context) === "depthwise",
  launch: (context) => {
    const c4 = context.physical.dx.dims[3]! / 4;
    const { strideH, strideW } = context.attrs;
    return {
      grid: threadGrid(c4 * ceilDiv(classPixels(context), 4), strideH * strideW),
      const: {
        ...inputGradientSizes(context),
        ...stepConsts(context.attrs),
        TILE_PIXELS: 4,
        N: context.shape.dx[0]!,
        C4: c4,
      },
    };
  },
};

const plain: InputGradient = {
  name: "conv2d_backward_input_plain",
  wgsl: plainWgsl,
  hooks: ["epilogue"],
  launch: (context) => {
    const { shape, attrs } = context;
    const [k, groupC] = [shape.weight[0]!, shape.weight[1]!];
    const count = numel(shape.dx);
    return {
      grid: threadGrid(count),
      const: {
        ...inputGradientSizes(context),
        COUNT: count,
        C: groupC * attrs.groups,
        K: k,
        GROUP_C: groupC,
        GROUP_K: k / attrs.groups,
      },
    };
  },
};

/**
 * Gradient of conv2d with respect to its input.
 * dx[n,c,h,w] = Σ_k,r,s dy[n, k, (h + pad − r·dilation)/stride, …] · weight[k,c,r,s] where the division is exact
 * Shapes  dy [N, K, P, Q]; weight [K, C/groups, R, S]; dx [N, C, height, width]
 * Source  Dumoulin and Visin 2016 (arXiv:1603.07285) §4
 */
export const conv2dBackwardInput = defineOp<"dy" | "weight", "dx", InputGradientAttrs>({
  name: "conv2d_backward_input",
  inputs: ["dy", "weight"],
  outputs: ["dx"],
  shape: ({ dy, weight }, { groups, height, width }) => ({
    dx: [dy[0]!, weight[1]! * groups, height, width],
  }),
  lowerings: [
    winogradInputGradient.default,
    inputGradientQuads,
    ...inputGradientTiled,
    dense("conv2d_backward_input_large", 8, false),
    dense("conv2d_backward_input", 4, true),
    inputGradientDepthwiseBlock,
    depthwise,
    winogradInputGradient.tried,
    plain,
  ],
  gradient: { none: "gradients of gradients are not supported" },
  cost: ({ shape }) => ({ flops: (2 * numel(shape.dy) * numel(shape.weight)) / shape.weight[0]! }),
});
