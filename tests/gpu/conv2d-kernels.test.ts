import { describe, test } from "vitest";
import { contextOf } from "../../src/gpu/context.ts";
import { hasQuads } from "../../src/graph/target.ts";
import { conv2d } from "../../src/ops/index.ts";
import { type ConvAttrs, conv2dReference } from "../reference/conv.ts";
import { need } from "../reference/tensor.ts";
import type { OpCase } from "../reference/types.ts";
import { fullRun, testDevice } from "../setup/gpu.ts";
import { choosing } from "./choosing.ts";
import { expectCase } from "./sweep.ts";

/** Every kernel of a convolution by name, in all three passes, on a list of shapes of its own. */

type Four = readonly [number, number, number, number];

interface Shape {
  readonly x: Four;
  readonly weight: Four;
  readonly attrs?: ConvAttrs;
}

/** Names of the kernels of the three passes. */
interface Family {
  readonly forward: string;
  readonly input: string;
  readonly weight: string;
  /** Pixels and channels of a tile. */
  readonly pixels: number;
  readonly channels: number;
  /** Shapes in place of those made from the tile. */
  readonly shapes?: readonly Shape[];
  readonly needsQuads?: boolean;
  /** Left to the full run: these compile for seconds on a processor. */
  readonly full?: boolean;
}

/** Depthwise shapes: one, block and vec4 of channels ± 1, each stride, padding and dilation. */
const depthwise: readonly Shape[] = [
  { x: [1, 2, 1, 1], weight: [2, 1, 1, 1] },
  { x: [1, 3, 3, 3], weight: [3, 1, 3, 3], attrs: { padding: 1 } },
  { x: [2, 4, 4, 4], weight: [4, 1, 3, 3], attrs: { padding: 1 } },
  { x: [2, 5, 5, 5], weight: [5, 1, 3, 3], attrs: { padding: 1 } },
  { x: [1, 7, 8, 9], weight: [7, 1, 3, 3], attrs: { padding: 1 } },
  { x: [1, 5, 7, 13], weight: [5, 1, 5, 5], attrs: { padding: 2 } },
  { x: [1, 6, 9, 9], weight: [6, 1, 5, 3] },
  { x: [2, 4, 9, 7], weight: [4, 1, 3, 3], attrs: { padding: 1, stride: 2 } },
  { x: [1, 9, 8, 7], weight: [9, 1, 2, 3], attrs: { padding: 1, stride: [2, 1] } },
  { x: [1, 8, 11, 10], weight: [8, 1, 3, 3], attrs: { stride: 3 } },
  { x: [1, 4, 9, 11], weight: [4, 1, 3, 3], attrs: { padding: 2, dilation: 2 } },
  {
    x: [1, 3, 6, 7],
    weight: [3, 1, 3, 2],
    attrs: { padding: { top: 2, left: 0, bottom: 0, right: 3 }, dilation: [1, 2] },
  },
].map((shape) => ({ ...shape, attrs: { ...shape.attrs, groups: shape.x[1] } }) as unknown as Shape);

/** First layers: one to three channels. */
const few: readonly Shape[] = [
  { x: [1, 1, 1, 1], weight: [1, 1, 1, 1] },
  { x: [2, 1, 5, 7], weight: [7, 1, 3, 3], attrs: { padding: 1 } },
  { x: [2, 1, 5, 8], weight: [8, 1, 3, 3], attrs: { padding: 1 } },
  { x: [2, 1, 5, 9], weight: [9, 1, 3, 3], attrs: { padding: 1 } },
  { x: [1, 3, 9, 11], weight: [16, 3, 3, 3], attrs: { padding: 1, stride: 2 } },
  { x: [1, 2, 11, 10], weight: [5, 2, 3, 3], attrs: { stride: 3 } },
  { x: [1, 1, 14, 14], weight: [8, 1, 5, 5], attrs: { padding: 2, stride: 2 } },
  { x: [1, 3, 13, 12], weight: [12, 3, 7, 7], attrs: { padding: 3, stride: 2 } },
  { x: [1, 3, 4, 17], weight: [6, 3, 3, 9], attrs: { padding: 4 } },
  { x: [1, 3, 8, 7], weight: [4, 3, 2, 3], attrs: { padding: 1, stride: [2, 1] } },
  { x: [1, 2, 9, 9], weight: [4, 2, 3, 3], attrs: { padding: 2, dilation: 2 } },
  {
    x: [1, 3, 7, 6],
    weight: [5, 3, 3, 2],
    attrs: { padding: { top: 2, left: 0, bottom: 0, right: 3 }, dilation: [1, 2] },
  },
];

const families: readonly Family[] = [
  {
    forward: "conv2d_forward_depthwise_block",
    input: "conv2d_backward_input_depthwise_block",
    weight: "conv2d_backward_weight_depthwise",
    pixels: 4,
    channels: 4,
    shapes: depthwise,
  },
  {
    forward: "conv2d_forward_depthwise",
    input: "conv2d_backward_input_depthwise",
    weight: "conv2d_backward_weight_depthwise",
    pixels: 4,
    channels: 4,
    shapes: depthwise,
  },
  {
    forward: "conv2d_forward_few",
    input: "conv2d_backward_input_large",
    weight: "conv2d_backward_weight_few_block",
    pixels: 8,
    channels: 8,
    shapes: few,
  },
  {
    forward: "conv2d_forward",
    input: "conv2d_backward_input",
    weight: "conv2d_backward_weight_few",
    pixels: 4,
    channels: 8,
    shapes: few,
  },
  {
    forward: "conv2d_forward_quads",
    input: "conv2d_backward_input_quads",
    weight: "conv2d_backward_weight_quads",
    pixels: 16,
    channels: 16,
    needsQuads: true,
  },
  {
    forward: "conv2d_forward_large",
    input: "conv2d_backward_input_large",
    weight: "conv2d_backward_weight",
    pixels: 8,
    channels: 8,
  },
  {
    forward: "conv2d_forward_tiled_32",
    input: "conv2d_backward_input_tiled_32",
    weight: "conv2d_backward_weight_tiled_32",
    pixels: 32,
    channels: 32,
  },
  {
    forward: "conv2d_forward_tiled_64",
    input: "conv2d_backward_input_tiled_64",
    weight: "conv2d_backward_weight_tiled_64",
    pixels: 64,
    channels: 64,
    full: true,
  },
  {
    forward: "conv2d_forward_tiled_128",
    input: "conv2d_backward_input_tiled_128",
    weight: "conv2d_backward_weight_tiled_64",
    pixels: 128,
    channels: 128,
    full: true,
  },
];

/** One, tile − 1, tile, tile + 1 and primes of pixels and channels; strides, padding, dilation and groups. */
function shapes({ pixels, channels, shapes: own }: Family): readonly Shape[] {
  if (own) return own;
  const groups = Math.max(channels, 16);
  return [
    { x: [1, 4, 1, 1], weight: [4, 4, 1, 1] },
    { x: [1, channels - 1, 1, pixels - 1], weight: [channels + 1, channels - 1, 1, 1] },
    { x: [1, channels, 1, pixels], weight: [channels, channels, 1, 1] },
    { x: [1, channels + 1, 1, pixels + 1], weight: [channels - 1, channels + 1, 1, 1] },
    { x: [1, 17, 7, 11], weight: [13, 17, 3, 3], attrs: { padding: 1 } },
    { x: [3, 8, 5, 7], weight: [12, 8, 3, 3], attrs: { padding: 1, stride: 2 } },
    { x: [2, 5, 11, 7], weight: [6, 5, 3, 3], attrs: { stride: 3 } },
    { x: [2, 6, 9, 6], weight: [23, 6, 1, 1], attrs: { stride: 2 } },
    { x: [1, 8, 9, 8], weight: [5, 8, 2, 3], attrs: { stride: [2, 1], dilation: [1, 2] } },
    {
      x: [2, 7, 6, 5],
      weight: [9, 7, 3, 2],
      attrs: { padding: { top: 1, left: 0, bottom: 2, right: 3 }, dilation: 2 },
    },
    { x: [4, 20, 2, 2], weight: [10, 20, 3, 3], attrs: { padding: 1, stride: 2 } },
    {
      x: [2, 2 * groups, 3, 4],
      weight: [2 * groups, groups, 3, 3],
      attrs: { padding: 1, groups: 2 },
    },
  ];
}

/** The choice, left to the default where the kernel does not claim the shape. */
function fitting(op: string, kernel: string, { attrs }: Shape): Record<string, string> {
  const strided = JSON.stringify(attrs?.stride ?? 1) !== "1";
  return kernel === "conv2d_backward_input_depthwise_block" && strided ? {} : { [op]: kernel };
}

function caseOf({ x, weight, attrs = {} }: Shape): OpCase {
  return {
    op: "conv2d",
    name: `${x.join("x")} * ${weight.join("x")} ${JSON.stringify(attrs)}`,
    inputs: { x: { shape: [...x] }, weight: { shape: [...weight] } },
    attrs,
    run: (values, options) => ({ y: conv2d(need(values, "x"), need(values, "weight"), null, options) }),
    reference: conv2dReference,
  };
}

for (const family of families) {
  describe.skipIf(family.full === true && !fullRun)(family.forward, () => {
    for (const shape of shapes(family)) {
      const one = caseOf(shape);
      test(one.name, async ({ skip }) => {
        const { target } = contextOf(await testDevice());
        skip(family.needsQuads === true && !hasQuads(target), "subgroups are not four lanes wide");
        await expectCase(one, {
          choices: choosing({
            ...fitting("conv2d", family.forward, shape),
            ...fitting("conv2d_backward_input", family.input, shape),
            ...fitting("conv2d_backward_weight", family.weight, shape),
          }),
        });
      });
    }
  });
}
