import { avgPool2d } from "../../src/ops/index.ts";
import { pairwiseRows, pick } from "../reference/pairwise.ts";
import { avgPool2dReference, type PoolAttrs } from "../reference/pool.ts";
import { need } from "../reference/tensor.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";
import { type Padding, type Pair, pairOf } from "../reference/window.ts";

function avgPoolCase(
  name: string,
  shape: readonly number[],
  attrs: PoolAttrs,
  fill: Omit<InputSpec, "shape"> = {},
): OpCase {
  return {
    op: "avgPool2d",
    name: `${name}: ${shape.join("x")} ${JSON.stringify(attrs)}`,
    inputs: { x: { shape, ...fill } },
    attrs,
    run: (values, options) => ({ y: avgPool2d(need(values, "x"), options) }),
    reference: avgPool2dReference,
  };
}

const kernels = [2, 3, [2, 3], [3, 1], 5] as const;
const strides = ["kernel", 1, 2, 3, [2, 1]] as const;
const paddings = ["none", "half", "one side"] as const;
const shapes = [
  [2, 3, 7, 5],
  [1, 4, 9, 11],
  [2, 5, 11, 8],
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

/** Every pair of values of kernel, stride, padding, ceil mode, count-include-pad and shape. */
const pairs: OpCase[] = pairwiseRows().map((levels, row) => {
  const [
    kernelLevel = 0,
    strideLevel = 0,
    paddingLevel = 0,
    ceilLevel = 0,
    includeLevel = 0,
    shapeLevel = 0,
  ] = levels;
  const kernel = pick(kernels, kernelLevel);
  const stride = pick(strides, strideLevel);
  const include = pick([undefined, false, true], includeLevel);
  const attrs: PoolAttrs = {
    kernel,
    ...(stride !== "kernel" && { stride }),
    padding: paddingFor(pick(paddings, paddingLevel), kernel),
    ceilMode: pick([false, true], ceilLevel),
    ...(include !== undefined && { countIncludePad: include }),
  };
  return avgPoolCase(`pairs ${row}`, pick(shapes, shapeLevel), attrs);
});

const padded = { kernel: 3, stride: 2, padding: 1 } as const;

const chosen: OpCase[] = [
  avgPoolCase("halves", [2, 8, 8, 8], { kernel: 2 }),
  avgPoolCase("halves, odd image, ceil", [3, 4, 7, 5], { kernel: 2, ceilMode: true }),
  avgPoolCase("overhang is not counted, padding is", [2, 4, 6, 8], { ...padded, ceilMode: true }),
  avgPoolCase("neither overhang nor padding is counted", [2, 4, 6, 8], {
    ...padded,
    ceilMode: true,
    countIncludePad: false,
  }),
  avgPoolCase("padding counted", [2, 4, 6, 8], { ...padded, countIncludePad: true }),
  avgPoolCase("padding not counted", [2, 4, 6, 8], { ...padded, countIncludePad: false }),
  avgPoolCase("large mean", [2, 4, 6, 8], padded, { shift: 100 }),
  avgPoolCase("seventeen channels", [2, 17, 5, 7], { kernel: 3, stride: 2 }),
  avgPoolCase("window is the image", [3, 7, 5, 3], { kernel: [5, 3] }),
  avgPoolCase("one pixel", [2, 5, 1, 1], { kernel: 1 }),
  avgPoolCase("kernel smaller than the stride", [2, 3, 11, 7], { kernel: 2, stride: 3 }),
  avgPoolCase("ceil drops a window that starts in the padding", [1, 4, 3, 3], {
    kernel: 2,
    stride: 2,
    padding: 1,
    ceilMode: true,
  }),
];

export const cases: OpCase[] = [...pairs, ...chosen];
