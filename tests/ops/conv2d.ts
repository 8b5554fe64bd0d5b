import { conv2d } from "../../src/ops/index.ts";
import { type ConvAttrs, conv2dReference } from "../reference/conv.ts";
import { pairwiseRows, pick } from "../reference/pairwise.ts";
import { need } from "../reference/tensor.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";
import { pairOf, positions, sidesOf } from "../reference/window.ts";

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

/** Fills that replace the normal one, by input. */
type Fills = Readonly<Record<string, Omit<InputSpec, "shape">>>;

function conv2dCase(label: string, geometry: Geometry, fills: Fills = {}): OpCase {
  const { batch = 1, channels, filters, image, bias = false, attrs = {} } = geometry;
  const kernel = pairOf(geometry.kernel, 1);
  const weight = [filters, channels / (attrs.groups ?? 1), ...kernel];
  return {
    op: "conv2d",
    name: `${label}: ${batch}x${channels}x${image.join("x")} * ${weight.join("x")}${bias ? " + bias" : ""}`,
    inputs: {
      x: { shape: [batch, channels, ...image], ...fills.x },
      weight: { shape: weight, ...fills.weight },
      ...(bias && { bias: { shape: [filters], ...fills.bias } }),
    },
    attrs,
    run: (values, options) => ({
      y: conv2d(need(values, "x"), need(values, "weight"), values.bias ?? null, options),
    }),
    reference: conv2dReference,
  };
}

const strides = [1, 2, 3, [2, 1]] as const;
const paddings = [0, 1, 2, { top: 1, left: 0, bottom: 2, right: 3 }] as const;
const dilations = [1, 2, [1, 2]] as const;
const groupings = ["one", "two", "depthwise", "multiplier"] as const;
const kernels = [1, 2, 3, 5, [1, 3]] as const;

const anyChannels = [1, 3, 4, 5, 7, 8, 12, 16, 17];
const anyFilters = [8, 5, 17, 1, 12, 3, 16, 7, 4];
const evenChannels = [4, 8, 12, 16, 6];
const evenFilters = [12, 4, 10, 6, 8];
const images: readonly Size[] = [
  [7, 5],
  [1, 7],
  [5, 11],
  [5, 5],
  [1, 1],
  [7, 1],
  [11, 7],
  [13, 9],
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
      return { channels: pick(evenChannels, row % 5), filters: pick(evenFilters, (row * 2) % 5) };
    case "depthwise":
      return { channels: Math.max(channels, 3), filters: Math.max(channels, 3) };
    case "multiplier":
      return { channels: Math.max(channels, 3), filters: 2 * Math.max(channels, 3) };
  }
}

/** The first image, counted from `start`, that leaves the convolution an output. */
function fittingImage(start: number, kernel: number | Size, attrs: ConvAttrs): Size {
  const [kernelH, kernelW] = pairOf(kernel, 1);
  const [dilationH, dilationW] = pairOf(attrs.dilation, 1);
  const { top, left, bottom, right } = sidesOf(attrs.padding);
  const fits = ([height, width]: Size): boolean =>
    positions(height, top, bottom, dilationH * (kernelH - 1) + 1, 1) > 0 &&
    positions(width, left, right, dilationW * (kernelW - 1) + 1, 1) > 0;
  const turned = images.map((_, i) => pick(images, (start + i) % images.length));
  return turned.find(fits) ?? [13, 13];
}

/** Twice 25 rows in which every pair of values of stride, padding, dilation, groups, kernel and bias occurs. */
function pairwiseCases(): OpCase[] {
  return [0, 1].flatMap((turn) =>
    pairwiseRows().map((levels, index) => {
      const [
        kernelLevel = 0,
        strideLevel = 0,
        paddingLevel = 0,
        dilationLevel = 0,
        groupLevel = 0,
        biasLevel = 0,
      ] = levels;
      const row = index + 25 * turn;
      const kernel = pick(kernels, kernelLevel);
      const { channels, filters } = channelsFor(pick(groupings, groupLevel, turn), row);
      const grouping = pick(groupings, groupLevel, turn);
      const groups = grouping === "one" ? 1 : grouping === "two" ? 2 : channels;
      const attrs = {
        stride: pick(strides, strideLevel, turn),
        padding: pick(paddings, paddingLevel, turn),
        dilation: pick(dilations, dilationLevel, turn),
        groups,
      };
      const image = fittingImage(row, kernel, attrs);
      const batch = image[0] * image[1] * Math.max(channels, filters) > 600 ? 1 : 1 + (row % 3);
      const bias = pick([true, false], biasLevel, turn);
      return conv2dCase(`pairs ${row} ${describe(attrs)}`, {
        batch,
        channels,
        filters,
        image,
        kernel,
        bias,
        attrs,
      });
    }),
  );
}

function describe({ stride, padding, dilation, groups }: ConvAttrs): string {
  return `stride ${JSON.stringify(stride)} padding ${JSON.stringify(padding)} dilation ${JSON.stringify(dilation)} groups ${groups}`;
}

/** Extents one below, at and one above the sizes kernels tile by: 4, 8, 16, 32, 64. */
const tileEdges: OpCase[] = [
  conv2dCase("63 pixels, 31 to 33", { channels: 31, filters: 33, image: [7, 9], kernel: 1, bias: true }),
  conv2dCase("64 pixels, 32 to 32", { channels: 32, filters: 32, image: [8, 8], kernel: 1 }),
  conv2dCase("65 pixels, 33 to 31", { channels: 33, filters: 31, image: [5, 13], kernel: 1 }),
  conv2dCase("64 to 65 filters", { channels: 64, filters: 65, image: [3, 3], kernel: 1, bias: true }),
  conv2dCase("33 examples of one pixel", { batch: 33, channels: 4, filters: 4, image: [1, 1], kernel: 1 }),
  conv2dCase("4x4 image", { channels: 12, filters: 12, image: [4, 4], kernel: 3, attrs: { padding: 1 } }),
  conv2dCase("5x5 image", { channels: 12, filters: 12, image: [5, 5], kernel: 3, attrs: { padding: 1 } }),
  conv2dCase("6x7 image, no padding", { channels: 12, filters: 12, image: [6, 7], kernel: 3, bias: true }),
  conv2dCase("8x9 image", { channels: 8, filters: 8, image: [8, 9], kernel: 3, attrs: { padding: 1 } }),
  conv2dCase("15x17 image", { channels: 4, filters: 4, image: [15, 17], kernel: 3, attrs: { padding: 1 } }),
  conv2dCase("16x16 image", { channels: 4, filters: 4, image: [16, 16], kernel: 3, attrs: { padding: 1 } }),
  conv2dCase("one row of 65", {
    channels: 3,
    filters: 5,
    image: [1, 65],
    kernel: [1, 3],
    attrs: { padding: [0, 1] },
  }),
  conv2dCase("one column of 33", {
    channels: 5,
    filters: 3,
    image: [33, 1],
    kernel: [3, 1],
    attrs: { padding: [1, 0] },
  }),
  conv2dCase("image as large as the kernel", {
    batch: 3,
    channels: 7,
    filters: 5,
    image: [5, 5],
    kernel: 5,
    bias: true,
  }),
  conv2dCase("first layer on digits", {
    channels: 1,
    filters: 8,
    image: [28, 28],
    kernel: 5,
    bias: true,
    attrs: { stride: 2, padding: 2 },
  }),
  conv2dCase("last layer on digits", {
    batch: 5,
    channels: 64,
    filters: 10,
    image: [2, 2],
    kernel: 3,
    bias: true,
    attrs: { stride: 2, padding: 1 },
  }),
  conv2dCase("first layer on colours", {
    batch: 2,
    channels: 3,
    filters: 16,
    image: [9, 11],
    kernel: 3,
    attrs: { stride: 2, padding: 1 },
  }),
  conv2dCase("three channels a group", {
    batch: 2,
    channels: 6,
    filters: 10,
    image: [7, 5],
    kernel: 3,
    attrs: { padding: 1, groups: 2 },
  }),
  conv2dCase("four groups of four", {
    batch: 2,
    channels: 16,
    filters: 16,
    image: [5, 7],
    kernel: 3,
    bias: true,
    attrs: { padding: 1, groups: 4 },
  }),
  conv2dCase("three groups, five filters each", {
    channels: 12,
    filters: 15,
    image: [7, 7],
    kernel: 2,
    attrs: { stride: 2, groups: 3 },
  }),
  conv2dCase("stride leaves the last row and column unread", {
    batch: 2,
    channels: 4,
    filters: 8,
    image: [8, 11],
    kernel: 3,
    attrs: { stride: 3 },
  }),
  conv2dCase("stride larger than the kernel", {
    batch: 2,
    channels: 5,
    filters: 4,
    image: [11, 7],
    kernel: 2,
    bias: true,
    attrs: { stride: [4, 3] },
  }),
  conv2dCase("padding on one side only", {
    batch: 2,
    channels: 4,
    filters: 4,
    image: [5, 7],
    kernel: 3,
    attrs: { padding: { top: 2, left: 0, bottom: 0, right: 0 } },
  }),
  conv2dCase("left padding only, depthwise", {
    batch: 2,
    channels: 8,
    filters: 8,
    image: [5, 7],
    kernel: 3,
    attrs: { padding: { top: 0, left: 2, bottom: 0, right: 0 }, groups: 8 },
  }),
];

const shared: Geometry = {
  batch: 2,
  channels: 8,
  filters: 8,
  image: [7, 7],
  kernel: 3,
  bias: true,
  attrs: { padding: 1 },
};

/** One geometry with numbers that lose digits, or that show a single misplaced element. */
const fills: OpCase[] = [
  conv2dCase("fill: large mean", shared, { x: { shift: 100 } }),
  conv2dCase("fill: all positive", shared, { x: { fill: "uniform" }, weight: { fill: "uniform" } }),
  conv2dCase("fill: tiny", shared, { x: { scale: 1e-3 }, weight: { scale: 1e-3 }, bias: { scale: 1e-3 } }),
  conv2dCase("fill: huge", shared, { x: { scale: 1e3 }, weight: { scale: 1e3 }, bias: { scale: 1e3 } }),
  conv2dCase("fill: one pixel", shared, {
    x: { fill: "values", values: impulse(2 * 8 * 49, 8 * 49 + 3 * 49 + 48) },
  }),
  conv2dCase("fill: one tap", shared, {
    weight: { fill: "values", values: impulse(8 * 8 * 9, 7 * 72 + 5 * 9 + 2) },
  }),
  conv2dCase("fill: bias only", shared, { weight: { fill: "values", values: impulse(8 * 8 * 9, -1) } }),
];

/** Zeros with a one at `position`. */
function impulse(size: number, position: number): number[] {
  return Array.from({ length: size }, (_, i) => (i === position ? 1 : 0));
}

export const cases: OpCase[] = [...pairwiseCases(), ...tileEdges, ...fills];
