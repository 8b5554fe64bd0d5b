import { ShapeError } from "../core/errors.ts";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv, dims4, formatShape, type Shape } from "../core/shape.ts";

/** One number for both axes, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];

/** Sizes at the four sides of an image. */
export interface Sides {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** Options of conv2d. */
export interface Conv2dOptions {
  /** Pixels between neighbouring windows; default 1. */
  readonly stride?: Pair;
  /** Zeros around the image; default 0. */
  readonly padding?: Pair | Sides;
  /** Pixels between neighbouring taps of the kernel; default 1. */
  readonly dilation?: Pair;
  /** Blocks of channels convolved apart; default 1. As many as channels: depthwise. */
  readonly groups?: number;
}

/** Attributes of the convolution nodes: options with every number filled in. */
export interface ConvAttrs {
  readonly strideH: number;
  readonly strideW: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly pad: Sides;
  readonly groups: number;
}

/** Fills in and checks the options. Errors  ShapeError for a number that is no whole number in its range */
export function convAttrs(op: string, options: Conv2dOptions): ConvAttrs {
  const [strideH, strideW] = pairOption(op, "stride", options.stride ?? 1, 1);
  const [dilationH, dilationW] = pairOption(op, "dilation", options.dilation ?? 1, 1);
  const groups = wholeOption(op, "groups", options.groups ?? 1, 1);
  return {
    strideH,
    strideW,
    dilationH,
    dilationW,
    pad: sidesOption(op, "padding", options.padding ?? 0),
    groups,
  };
}

/** [vertical, horizontal] of an option. Errors  ShapeError for anything but whole numbers of at least `least` */
export function pairOption(op: string, name: string, value: Pair, least: number): [number, number] {
  const pair: readonly number[] = typeof value === "number" ? [value, value] : value;
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw new ShapeError({
      op,
      problem: name,
      expected: "a number or [vertical, horizontal]",
      got: JSON.stringify(value),
      fix: `write ${name}: ${least} or ${name}: [${least}, ${least}]`,
    });
  }
  return [wholeOption(op, name, pair[0]!, least), wholeOption(op, name, pair[1]!, least)];
}

/** The four sides of a padding option. Errors  ShapeError for negative or fractional sizes */
export function sidesOption(op: string, name: string, value: Pair | Sides): Sides {
  if (typeof value === "object" && "top" in value) {
    const side = (key: keyof Sides) => wholeOption(op, `${name}.${key}`, value[key], 0);
    return { top: side("top"), left: side("left"), bottom: side("bottom"), right: side("right") };
  }
  const [vertical, horizontal] = pairOption(op, name, value as Pair, 0);
  return { top: vertical, left: horizontal, bottom: vertical, right: horizontal };
}

function wholeOption(op: string, name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new ShapeError({
    op,
    problem: name,
    expected: `a whole number of at least ${least}`,
    got: `${value}`,
    fix: `set ${name} to a whole number from ${least}`,
  });
}

/** Number of windows along an axis; 0 or less where not one fits. */
export function windowCount(
  size: number,
  pads: number,
  kernel: number,
  dilation: number,
  stride: number,
): number {
  return Math.floor((size + pads - dilation * (kernel - 1) - 1) / stride) + 1;
}

/**
 * Shape of y = conv2d(x, weight).
 * Shapes  x [N, C, H, W]; weight [K, C/groups, R, S]; y [N, K, P, Q], P = ⌊(H + pads − dilation·(R−1) − 1)/stride⌋ + 1
 * Errors  ShapeError for a wrong rank, channels or groups that do not fit, a window larger than the padded image
 */
export function convShape(op: string, x: Shape, weight: Shape, attrs: ConvAttrs): number[] {
  const [n, c, h, w] = dims4(op, x);
  const [k, groupC, r, s] = weightDims(op, weight);
  const { groups, pad } = attrs;
  checkGroups(op, "input channels", c, groups, x, weight);
  checkGroups(op, "output channels", k, groups, x, weight);
  if (c !== groupC * groups) {
    throw new ShapeError({
      op,
      problem: "input channels",
      expected: `${groupC * groups} (weight's ${groupC} × groups ${groups})`,
      got: `${c} (x's C)`,
      shapes: shapesText(x, weight),
      fix: `make weight's second size ${c / groups}, or give x ${groupC * groups} channels`,
    });
  }
  const p = windowCount(h, pad.top + pad.bottom, r, attrs.dilationH, attrs.strideH);
  const q = windowCount(w, pad.left + pad.right, s, attrs.dilationW, attrs.strideW);
  if (p < 1 || q < 1) {
    throw new ShapeError({
      op,
      problem: "window larger than the padded image",
      expected: `at most [${h + pad.top + pad.bottom}, ${w + pad.left + pad.right}]`,
      got: `[${attrs.dilationH * (r - 1) + 1}, ${attrs.dilationW * (s - 1) + 1}]`,
      shapes: shapesText(x, weight),
      fix: "use a smaller kernel, less dilation, more padding, or larger images",
    });
  }
  return [n, k, p, q];
}

/** The four sizes of a weight. Errors  ShapeError for another rank, or a size of 0 */
export function weightDims(op: string, weight: Shape): [number, number, number, number] {
  if (weight.length === 4 && weight.every((size) => size > 0)) {
    return weight as unknown as [number, number, number, number];
  }
  throw new ShapeError({
    op,
    problem: "weight",
    expected: "four sizes of at least 1 ([K, C/groups, R, S])",
    got: formatShape(weight),
    fix: "give the weight one axis for output channels, input channels, kernel height and kernel width",
  });
}

/** Errors  ShapeError unless `groups` divides `channels` */
export function checkGroups(
  op: string,
  what: string,
  channels: number,
  groups: number,
  x: Shape,
  weight: Shape,
): void {
  if (channels % groups === 0) return;
  throw new ShapeError({
    op,
    problem: what,
    expected: `a multiple of groups ${groups}`,
    got: `${channels}`,
    shapes: shapesText(x, weight),
    fix: "choose groups that divide the channels of both sides",
  });
}

/** Errors  ShapeError unless the bias has one number per output channel */
export function checkBias(op: string, bias: Shape, channels: number): void {
  if (bias.length === 1 && bias[0] === channels) return;
  throw new ShapeError({
    op,
    problem: "bias",
    expected: `[${channels}] (one per output channel)`,
    got: formatShape(bias),
    fix: "make the bias as long as the output has channels, or pass null",
  });
}

export function shapesText(x: Shape, weight: Shape): Record<string, string> {
  return { x: formatShape(x, "activation"), weight: formatShape(weight) };
}

/**
 * Which family of kernels a convolution of C channels to K takes, the same for forward and both gradients, so that all
 * agree on the weight's layout: "dense" and "depthwise" are channels-last and vec4, "plain" is NCHW and does anything.
 */
export function convFamily(c: number, k: number, groups: number): "dense" | "depthwise" | "plain" {
  if (groups === 1) return "dense";
  if (groups === c && groups === k) return "depthwise";
  return (c / groups) % 4 === 0 && (k / groups) % 4 === 0 ? "dense" : "plain";
}

/** Constants of stride, dilation and padding, as every convolution file declares them. */
export function geometryConsts(attrs: ConvAttrs): Record<string, number> {
  return {
    STRIDE_H: attrs.strideH,
    STRIDE_W: attrs.strideW,
    DILATION_H: attrs.dilationH,
    DILATION_W: attrs.dilationW,
    PAD_TOP: attrs.pad.top,
    PAD_LEFT: attrs.pad.left,
  };
}

/** Input columns (or rows) under `outputs` neighbouring windows of `taps` taps, gaps included. */
export function spanned(outputs: number, stride: number, taps: number, dilation: number): number {
  return (outputs - 1) * stride + (taps - 1) * dilation + 1;
}

/** vec4s of output channels per thread: two where they do not reach over the end of a group. */
export function tileVecs(vecs: number, groupVecs: number, groups: number): number {
  return vecs > 1 && (groups === 1 || groupVecs % 2 === 0) ? 2 : 1;
}

/** Body of a load hook that hides the padding lanes of a vec4 of channels `c` (the vec4's index among all channels). */
export function maskedLoad(variable: string, channels: number): string {
  return `return select(vec4<f32>(), ${variable}[i], (vec4u(0u, 1u, 2u, 3u) + c * 4u) < vec4u(${channels}u));`;
}

/** 1 where a sum over a tap's `channels` and all taps is long enough for its rounding to show in f32, else 0. */
export function tapsApart(channels: number, weight: Shape): 0 | 1 {
  const taps = weight[2]! * weight[3]!;
  return taps > 1 && taps * channels >= 1024 ? 1 : 0;
}

/** Workgroups of 64 for `threads` threads, every side within WebGPU's guaranteed 65,535, in `layers` along z. */
export function threadGrid(threads: number, layers = 1): [number, number, number] {
  return [...linearGrid(ceilDiv(threads, 64)), layers];
}
