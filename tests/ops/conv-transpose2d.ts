import { convTranspose2d } from "../../src/ops/index.ts";
import { type ConvAttrs, convTranspose2dReference } from "../reference/conv.ts";
import { pairwiseRows, pick } from "../reference/pairwise.ts";
import { need } from "../reference/tensor.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";
import { type Pair, pairOf, sidesOf } from "../reference/window.ts";

type Size = readonly [number, number];

interface Geometry {
  readonly batch?: number;
  readonly channels: number;
  readonly filters: number;
  readonly image: Size;
  readonly kernel: number | Size;
  readonly bias?: boolean;
  readonly attrs?: ConvAttrs;
}

function transposeCase(label: string, geometry: Geometry, fill: Omit<InputSpec, "shape"> = {}): OpCase {
  const { batch = 1, channels, filters, image, bias = false, attrs = {} } = geometry;
  const weight = [channels, filters / (attrs.groups ?? 1), ...pairOf(geometry.kernel, 1)];
  return {
    op: "convTranspose2d",
    name: `${label}: ${batch}x${channels}x${image.join("x")} * ${weight.join("x")}${bias ? " + bias" : ""}`,
    inputs: {
      x: { shape: [batch, channels, ...image], ...fill },
      weight: { shape: weight },
      ...(bias && { bias: { shape: [filters] } }),
    },
    attrs,
    run: (values, options) => ({
      y: convTranspose2d(need(values, "x"), need(values, "weight"), values.bias ?? null, options),
    }),
    reference: convTranspose2dReference,
  };
}

const kernels = [1, 2, 3, 5, [1, 3]] as const;
const strides = [1, 2, 3, [2, 1]] as const;
const paddings = [0, 1, [0, 2], { top: 1, left: 0, bottom: 0, right: 1 }] as const;
const dilations = [1, 2, [1, 2]] as const;
const groupings = ["one", "two", "depthwise", "multiplier"] as const;
const extras = ["none", "most", "below"] as const;

const anyChannels = [1, 3, 4, 5, 7, 8, 12, 16, 17];
const anyFilters = [5, 8, 3, 12, 1, 17, 4, 7, 16];
const images: readonly Size[] = [
  [3, 5],
  [1, 1],
  [4, 4],
  [1, 5],
  [5, 3],
  [2, 1],
  [3, 3],
];

function channelsFor(
  grouping: (typeof groupings)[number],
  row: number,
): { channels: number; filters: number } {
  const channels = pick(anyChannels, row % 9);
  switch (grouping) {
    case "one":
      return { channels, filters: pick(anyFilters, (row * 2) % 9) };
    case "two":
      return { channels: pick([4, 6, 8], row % 3), filters: pick([8, 10, 4, 6], row % 4) };
    case "depthwise":
      return { channels: Math.max(channels, 3), filters: Math.max(channels, 3) };
    case "multiplier":
      return { channels: Math.max(channels, 3), filters: 2 * Math.max(channels, 3) };
  }
}

/** Output padding stays below the larger of stride and dilation; "most" goes to that bound, "below" vertically only. */
function outputPaddingFor(extra: (typeof extras)[number], stride: Pair, dilation: Pair): Pair {
  const [strideH, strideW] = pairOf(stride, 1);
  const [dilationH, dilationW] = pairOf(dilation, 1);
  const most = [Math.max(strideH, dilationH) - 1, Math.max(strideW, dilationW) - 1] as const;
  return extra === "none" ? 0 : extra === "most" ? most : [most[0], 0];
}

/** The first image, counted from `start`, that leaves the transposed convolution an output. */
function fittingImage(start: number, kernel: Pair, attrs: ConvAttrs): Size {
  const [kernelH, kernelW] = pairOf(kernel, 1);
  const [strideH, strideW] = pairOf(attrs.stride, 1);
  const [dilationH, dilationW] = pairOf(attrs.dilation, 1);
  const [extraH, extraW] = pairOf(attrs.outputPadding, 0);
  const { top, left, bottom, right } = sidesOf(attrs.padding);
  const fits = ([height, width]: Size): boolean =>
    (height - 1) * strideH + dilationH * (kernelH - 1) + 1 + extraH > top + bottom &&
    (width - 1) * strideW + dilationW * (kernelW - 1) + 1 + extraW > left + right;
  const turned = images.map((_, i) => pick(images, (start + i) % images.length));
  return turned.find(fits) ?? [4, 4];
}

/** Every pair of values of kernel, stride, padding, dilation, groups and output padding. */
function pairwiseCases(): OpCase[] {
  return pairwiseRows().map((levels, row) => {
    const [
      kernelLevel = 0,
      strideLevel = 0,
      paddingLevel = 0,
      dilationLevel = 0,
      groupLevel = 0,
      extraLevel = 0,
    ] = levels;
    const kernel = pick(kernels, kernelLevel);
    const stride = pick(strides, strideLevel);
    const dilation = pick(dilations, dilationLevel);
    const grouping = pick(groupings, groupLevel);
    const { channels, filters } = channelsFor(grouping, row);
    const attrs = {
      stride,
      padding: pick(paddings, paddingLevel),
      outputPadding: outputPaddingFor(pick(extras, extraLevel), stride, dilation),
      dilation,
      groups: grouping === "one" ? 1 : grouping === "two" ? 2 : channels,
    };
    const image = fittingImage(row, kernel, attrs);
    const batch = image[0] * image[1] * Math.max(channels, filters) > 90 ? 1 : 1 + (row % 3);
    return transposeCase(`pairs ${row} ${describe(attrs)}`, {
      batch,
      channels,
      filters,
      image,
      kernel,
      bias: row % 2 === 0,
      attrs,
    });
  });
}

function describe({ stride, padding, outputPadding, dilation, groups }: ConvAttrs): string {
  const sides = `padding ${JSON.stringify(padding)}+${JSON.stringify(outputPadding)}`;
  return `stride ${JSON.stringify(stride)} ${sides} dilation ${JSON.stringify(dilation)} groups ${groups}`;
}

const doubling: Geometry = {
  batch: 2,
  channels: 8,
  filters: 4,
  image: [5, 3],
  kernel: 3,
  bias: true,
  attrs: { stride: 2, padding: 1, outputPadding: 1 },
};

const chosen: OpCase[] = [
  transposeCase("doubles the image", doubling),
  transposeCase("doubles the image, large mean", doubling, { shift: 100 }),
  transposeCase("doubles the image, all positive", doubling, { fill: "uniform" }),
  transposeCase("doubles the image, huge", doubling, { scale: 1e3 }),
  transposeCase("doubles the image, tiny", doubling, { scale: 1e-3 }),
  transposeCase("kernel 4, stride 2", {
    batch: 2,
    channels: 5,
    filters: 7,
    image: [3, 4],
    kernel: 4,
    attrs: { stride: 2, padding: 1 },
  }),
  transposeCase("kernel 2, stride 2, no overlap", {
    channels: 16,
    filters: 8,
    image: [4, 4],
    kernel: 2,
    attrs: { stride: 2 },
  }),
  transposeCase("stride larger than the kernel", {
    channels: 4,
    filters: 4,
    image: [3, 3],
    kernel: 2,
    attrs: { stride: 3 },
  }),
  transposeCase("stride larger than the kernel, bias in the gaps", {
    channels: 3,
    filters: 5,
    image: [3, 4],
    kernel: 1,
    bias: true,
    attrs: { stride: [3, 2], outputPadding: [2, 1] },
  }),
  transposeCase("63 pixels, 31 to 33", { channels: 31, filters: 33, image: [7, 9], kernel: 1, bias: true }),
  transposeCase("65 pixels, 33 to 31", { channels: 33, filters: 31, image: [5, 13], kernel: 1 }),
  transposeCase("one channel to one", {
    batch: 3,
    channels: 1,
    filters: 1,
    image: [7, 5],
    kernel: 3,
    bias: true,
  }),
  transposeCase("seventeen to one", {
    channels: 17,
    filters: 1,
    image: [5, 5],
    kernel: 3,
    attrs: { padding: 1 },
  }),
  transposeCase("one to seventeen", {
    channels: 1,
    filters: 17,
    image: [5, 5],
    kernel: 3,
    attrs: { padding: 1 },
  }),
  transposeCase("one pixel to a kernel", { batch: 3, channels: 12, filters: 5, image: [1, 1], kernel: 5 }),
  transposeCase("padding cuts to one pixel", {
    channels: 4,
    filters: 8,
    image: [1, 1],
    kernel: 5,
    attrs: { padding: 2 },
  }),
  transposeCase("padding on one side only", {
    batch: 2,
    channels: 4,
    filters: 4,
    image: [4, 3],
    kernel: 3,
    attrs: { stride: 2, padding: { top: 0, left: 0, bottom: 2, right: 0 } },
  }),
  transposeCase("three channels a group", {
    batch: 2,
    channels: 6,
    filters: 10,
    image: [4, 3],
    kernel: 3,
    bias: true,
    attrs: { stride: 2, groups: 2 },
  }),
  transposeCase("four groups of four", {
    channels: 16,
    filters: 16,
    image: [4, 4],
    kernel: 3,
    attrs: { padding: 1, groups: 4 },
  }),
  transposeCase("depthwise doubling", {
    batch: 2,
    channels: 8,
    filters: 8,
    image: [3, 5],
    kernel: 4,
    attrs: { stride: 2, padding: 1, groups: 8 },
  }),
];

export const cases: OpCase[] = [...pairwiseCases(), ...chosen];
