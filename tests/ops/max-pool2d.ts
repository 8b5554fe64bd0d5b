import { maxPool2d } from "../../src/ops/index.ts";
import { pairwiseRows, pick } from "../reference/pairwise.ts";
import { maxPool2dReference, type PoolAttrs } from "../reference/pool.ts";
import { need } from "../reference/tensor.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";
import { type Padding, type Pair, pairOf } from "../reference/window.ts";

function maxPoolCase(
  name: string,
  shape: readonly number[],
  attrs: PoolAttrs,
  fill: Omit<InputSpec, "shape"> = { fill: "distinct" },
): OpCase {
  return {
    op: "maxPool2d",
    name: `${name}: ${shape.join("x")} ${JSON.stringify(attrs)} ${JSON.stringify(fill)}`,
    inputs: { x: { shape, ...fill } },
    attrs,
    run: (values, options) => ({ y: maxPool2d(need(values, "x"), options) }),
    reference: maxPool2dReference,
  };
}

const kernels = [2, 3, [2, 3], [3, 1], 5] as const;
const strides = ["kernel", 1, 2, 3, [2, 1]] as const;
const paddings = ["none", "half", "one side"] as const;
const dilations = [1, 2, [1, 2]] as const;
const shapes = [
  [2, 3, 11, 9],
  [1, 4, 9, 11],
  [2, 5, 11, 13],
] as const;

/** At most half the kernel, so that every window meets the image. */
function paddingFor(kind: (typeof paddings)[number], kernel: Pair): Padding {
  const [kernelH, kernelW] = pairOf(kernel, 1);
  const [halfH, halfW] = [Math.floor(kernelH / 2), Math.floor(kernelW / 2)];
  return kind === "none"
    ? 0
    : kind === "half"
      ? [halfH, halfW]
      : { top: halfH, left: 0, bottom: 0, right: halfW };
}

/** Every pair of values of kernel, stride, padding, dilation, ceil mode and fill. */
const pairs: OpCase[] = pairwiseRows().map((levels, row) => {
  const [
    kernelLevel = 0,
    strideLevel = 0,
    paddingLevel = 0,
    dilationLevel = 0,
    ceilLevel = 0,
    fillLevel = 0,
  ] = levels;
  const kernel = pick(kernels, kernelLevel);
  const stride = pick(strides, strideLevel);
  const attrs: PoolAttrs = {
    kernel,
    ...(stride !== "kernel" && { stride }),
    padding: paddingFor(pick(paddings, paddingLevel), kernel),
    dilation: pick(dilations, dilationLevel),
    ceilMode: pick([false, true], ceilLevel),
  };
  return maxPoolCase(`pairs ${row}`, pick(shapes, row % 3), attrs, {
    fill: pick(["distinct", "ties"] as const, fillLevel),
  });
});

const chosen: OpCase[] = [
  maxPoolCase("halves", [2, 8, 8, 8], { kernel: 2 }),
  maxPoolCase("halves, ties", [2, 8, 8, 8], { kernel: 2 }, { fill: "ties" }),
  maxPoolCase("halves, odd image", [3, 4, 7, 5], { kernel: 2 }),
  maxPoolCase("halves, odd image, ceil", [3, 4, 7, 5], { kernel: 2, ceilMode: true }),
  maxPoolCase(
    "all values alike",
    [1, 3, 5, 5],
    { kernel: 3, stride: 1, padding: 1 },
    {
      fill: "ties",
      scale: 0,
      shift: 0.5,
    },
  ),
  maxPoolCase("overlapping", [1, 16, 7, 7], { kernel: 3, stride: 2, padding: 1 }),
  maxPoolCase("seventeen channels", [2, 17, 5, 7], { kernel: 3, stride: 2 }),
  maxPoolCase("window is the image", [3, 7, 5, 3], { kernel: [5, 3] }),
  maxPoolCase("one pixel", [2, 5, 1, 1], { kernel: 1 }),
  maxPoolCase("kernel 1, stride 2", [2, 4, 5, 7], { kernel: 1, stride: 2 }),
  maxPoolCase("kernel smaller than the stride", [2, 3, 11, 7], { kernel: 2, stride: 3 }, { fill: "ties" }),
  maxPoolCase("ceil drops a window that starts in the padding", [1, 4, 3, 3], {
    kernel: 2,
    stride: 2,
    padding: 1,
    ceilMode: true,
  }),
];

export const cases: OpCase[] = [...pairs, ...chosen];
