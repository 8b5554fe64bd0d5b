import denseWgsl from "../../shaders/conv2d_backward_input.wgsl?raw";
import depthwiseWgsl from "../../shaders/conv2d_backward_input_depthwise.wgsl?raw";
import plainWgsl from "../../shaders/conv2d_backward_input_plain.wgsl?raw";
import { CHANNELS_LAST, WEIGHT_HWIO } from "../core/layout.ts";
import { ceilDiv, dims4, numel } from "../core/shape.ts";
import { type ChoiceContext, defineOp, type Kernel, type LaunchContext } from "../graph/define.ts";
import {
  type ConvAttrs,
  convFamily,
  geometryConsts,
  maskedLoad,
  tapsApart,
  threadGrid,
  tileVecs,
} from "./conv-geometry.ts";
import { winogradInputGradient } from "./winograd.ts";

/** A convolution's attributes and the size of its input, which the output's size alone does not tell. */
export interface InputGradientAttrs extends ConvAttrs {
  readonly height: number;
  readonly width: number;
}

type Names = "dy" | "weight" | "dx";
type InputGradient = Kernel<"dy" | "weight", "dx", InputGradientAttrs>;

function family({ shape, attrs }: ChoiceContext<Names, InputGradientAttrs>) {
  return convFamily(shape.weight[1]! * attrs.groups, shape.weight[0]!, attrs.groups);
}

/** Sizes of images and kernel, as every file of the input gradient declares them. */
function sizeConsts({ shape, attrs }: LaunchContext<Names, InputGradientAttrs>): Record<string, number> {
  const [, , p, q] = dims4("conv2d_backward_input", shape.dy);
  const [, , r, s] = dims4("conv2d_backward_input", shape.weight);
  return { P: p, Q: q, H: attrs.height, W: attrs.width, R: r, S: s, ...geometryConsts(attrs) };
}

/** The step between kernel rows, and between columns, that meet the same class of pixels. */
function stepConsts({ strideH, strideW, dilationH, dilationW }: InputGradientAttrs): Record<string, number> {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  return { STEP_R: strideH / gcd(strideH, dilationH), STEP_S: strideW / gcd(strideW, dilationW) };
}

/** Pixels of an input that are equal modulo the stride, in the largest of these classes. */
function classPixels({ shape, attrs }: LaunchContext<Names, InputGradientAttrs>): number {
  return shape.dx[0]! * ceilDiv(attrs.height, attrs.strideH) * ceilDiv(attrs.width, attrs.strideW);
}

const dense: InputGradient = {
  name: "conv2d_backward_input",
  wgsl: denseWgsl,
  layouts: { dy: CHANNELS_LAST, weight: WEIGHT_HWIO, dx: CHANNELS_LAST },
  hooks: ["epilogue"],
  padZero: ["dx"],
  when: (context) => family(context) === "dense",
  launch: (context) => {
    const { shape, physical, attrs, padZero } = context;
    const [n, c] = dims4("conv2d_backward_input", shape.dx);
    const k = shape.weight[0]!;
    const [c4, k4] = [physical.dx.dims[3]! / 4, physical.dy.dims[3]! / 4];
    const groupC4 = attrs.groups === 1 ? c4 : c / attrs.groups / 4;
    const [pixels, vecs] = [4, tileVecs(c4, groupC4, attrs.groups)];
    return {
      grid: threadGrid(
        ceilDiv(c4, vecs) * ceilDiv(classPixels(context), pixels),
        attrs.strideH * attrs.strideW,
      ),
      const: {
        ...sizeConsts(context),
        ...stepConsts(attrs),
        TILE_PIXELS: pixels,
        TILE_VECS: vecs,
        N: n,
        C4: c4,
        K4: k4,
        GROUP_C4: groupC4,
        GROUP_K4: attrs.groups === 1 ? k4 : k / attrs.groups / 4,
        TAPS_APART: tapsApart(k / attrs.groups, shape.weight),
      },
      ...(k % 4 !== 0 && !padZero.dy && { hook: { a_load: maskedLoad("dy", k) } }),
    };
  },
};

const depthwise: InputGradient = {
  name: "conv2d_backward_input_depthwise",
  wgsl: depthwiseWgsl,
  layouts: { dy: CHANNELS_LAST, weight: WEIGHT_HWIO, dx: CHANNELS_LAST },
  hooks: ["epilogue"],
  when: (context) => family(context) === "depthwise",
  launch: (context) => {
    const c4 = context.physical.dx.dims[3]! / 4;
    const { strideH, strideW } = context.attrs;
    return {
      grid: threadGrid(c4 * ceilDiv(classPixels(context), 4), strideH * strideW),
      const: {
        ...sizeConsts(context),
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
        ...sizeConsts(context),
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
  lowerings: [winogradInputGradient.default, dense, depthwise, winogradInputGradient.tried, plain],
  gradient: { none: "gradients of gradients are not supported" },
  cost: ({ shape }) => ({ flops: (2 * numel(shape.dy) * numel(shape.weight)) / shape.weight[0]! }),
});
