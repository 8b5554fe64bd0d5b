import { ceilDiv, dims4 } from "../core/shape.ts";
import type { ChoiceContext, Kernel, Launch, LaunchContext } from "../graph/define.ts";
import {
  type ConvAttrs,
  convFamily,
  geometryConsts,
  maskedLoad,
  tapsApart,
  threadGrid,
  tileVecs,
} from "./conv-geometry.ts";

/** A convolution's attributes and the size of its input, which the output's size alone does not tell. */
export interface InputGradientAttrs extends ConvAttrs {
  readonly height: number;
  readonly width: number;
}

export type ForwardNames = "x" | "weight" | "y";
export type Forward = Kernel<"x" | "weight", "y", ConvAttrs>;
export type InputGradientNames = "dy" | "weight" | "dx";
export type InputGradient = Kernel<"dy" | "weight", "dx", InputGradientAttrs>;

/** The settings that every kernel over whole vec4s of channels of one pass shares, tiles aside. */
export interface DenseLaunch {
  readonly const: Record<string, number>;
  readonly hook?: Launch["hook"];
  /** Pixels of one grid layer, and the grid's layers. */
  readonly pixels: number;
  readonly layers: number;
  /** vec4s of result channels: all, and those of one group. */
  readonly vecs: number;
  readonly groupVecs: number;
}

export function forwardFamily({ shape, attrs }: ChoiceContext<ForwardNames, ConvAttrs>) {
  return convFamily(shape.x[1]!, shape.weight[0]!, attrs.groups);
}

/** Sizes of images and kernel, as every forward file declares them. */
export function forwardSizes({
  shape,
  attrs,
}: LaunchContext<ForwardNames, ConvAttrs>): Record<string, number> {
  const [, , h, w] = dims4("conv2d", shape.x);
  const [, , p, q] = dims4("conv2d", shape.y);
  const [, , r, s] = dims4("conv2d", shape.weight);
  return { P: p, Q: q, H: h, W: w, R: r, S: s, ...geometryConsts(attrs) };
}

/** Settings of the forward kernels over whole vec4s of channels. */
export function forwardDense(context: LaunchContext<ForwardNames, ConvAttrs>): DenseLaunch {
  const { shape, physical, attrs, padZero } = context;
  const [n, k, p, q] = dims4("conv2d", shape.y);
  const c = shape.x[1]!;
  const [c4, k4] = [physical.x.dims[3]! / 4, physical.y.dims[3]! / 4];
  const groupK4 = attrs.groups === 1 ? k4 : k / attrs.groups / 4;
  return {
    const: {
      ...forwardSizes(context),
      PIXELS: n * p * q,
      C4: c4,
      K4: k4,
      GROUP_C4: attrs.groups === 1 ? c4 : c / attrs.groups / 4,
      GROUP_K4: groupK4,
      TAPS_APART: tapsApart(c / attrs.groups, shape.weight),
    },
    ...(c % 4 !== 0 && !padZero.x && { hook: { a_load: maskedLoad("x", c) } }),
    pixels: n * p * q,
    layers: 1,
    vecs: k4,
    groupVecs: groupK4,
  };
}

export function inputGradientFamily({ shape, attrs }: ChoiceContext<InputGradientNames, InputGradientAttrs>) {
  return convFamily(shape.weight[1]! * attrs.groups, shape.weight[0]!, attrs.groups);
}

/** Sizes of images and kernel, as every file of the input gradient declares them. */
export function inputGradientSizes({
  shape,
  attrs,
}: LaunchContext<InputGradientNames, InputGradientAttrs>): Record<string, number> {
  const [, , p, q] = dims4("conv2d_backward_input", shape.dy);
  const [, , r, s] = dims4("conv2d_backward_input", shape.weight);
  return { P: p, Q: q, H: attrs.height, W: attrs.width, R: r, S: s, ...geometryConsts(attrs) };
}

/** The step between kernel rows, and between columns, that meet the same class of pixels. */
export function stepConsts(attrs: InputGradientAttrs): Record<string, number> {
  const { strideH, strideW, dilationH, dilationW } = attrs;
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  return { STEP_R: strideH / gcd(strideH, dilationH), STEP_S: strideW / gcd(strideW, dilationW) };
}

/** Pixels of an input that are equal modulo the stride, in the largest of these classes. */
export function classPixels({ shape, attrs }: LaunchContext<InputGradientNames, InputGradientAttrs>): number {
  const { height, width, strideH, strideW } = attrs;
  return shape.dx[0]! * Math.ceil(height / strideH) * Math.ceil(width / strideW);
}

/** Settings of the input-gradient kernels over whole vec4s of channels. */
export function inputGradientDense(
  context: LaunchContext<InputGradientNames, InputGradientAttrs>,
): DenseLaunch {
  const { shape, physical, attrs, padZero } = context;
  const [n, c] = dims4("conv2d_backward_input", shape.dx);
  const k = shape.weight[0]!;
  const [c4, k4] = [physical.dx.dims[3]! / 4, physical.dy.dims[3]! / 4];
  const groupC4 = attrs.groups === 1 ? c4 : c / attrs.groups / 4;
  return {
    const: {
      ...inputGradientSizes(context),
      ...stepConsts(attrs),
      N: n,
      C4: c4,
      K4: k4,
      GROUP_C4: groupC4,
      GROUP_K4: attrs.groups === 1 ? k4 : k / attrs.groups / 4,
      TAPS_APART: tapsApart(k / attrs.groups, shape.weight),
    },
    ...(k % 4 !== 0 && !padZero.dy && { hook: { a_load: maskedLoad("dy", k) } }),
    pixels: classPixels(context),
    layers: attrs.strideH * attrs.strideW,
    vecs: c4,
    groupVecs: groupC4,
  };
}

/** Launch of the kernels with register tiles of `pixels` × up to two vec4s, a tile a thread. */
export function denseLaunch(dense: DenseLaunch, pixels: number, groups: number): Launch {
  const vecs = tileVecs(dense.vecs, dense.groupVecs, groups);
  return {
    grid: threadGrid(ceilDiv(dense.vecs, vecs) * ceilDiv(dense.pixels, pixels), dense.layers),
    const: { ...dense.const, TILE_PIXELS: pixels, TILE_VECS: vecs },
    ...(dense.hook && { hook: dense.hook }),
  };
}
