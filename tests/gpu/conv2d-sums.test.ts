import { expect, test } from "vitest";
import { contextOf } from "../../src/gpu/context.ts";
import { hasQuads } from "../../src/graph/target.ts";
import { conv2d } from "../../src/ops/index.ts";
import { conv2dReference } from "../reference/conv.ts";
import { need } from "../reference/tensor.ts";
import type { OpCase } from "../reference/types.ts";
import { testDevice } from "../setup/gpu.ts";
import { choosing } from "./choosing.ts";
import { expectCase } from "./sweep.ts";

/** Convolutions large enough that their sums are split: over ranges of pixels, or tap by tap. */

interface Large {
  readonly x: readonly [number, number, number, number];
  readonly weight: readonly [number, number, number, number];
  readonly attrs: { readonly stride?: number; readonly padding?: number; readonly groups?: number };
  /** Kernel that must be part of the plan. */
  readonly kernel: string;
  /** How its sum is split: another dispatch adds the ranges, or its own WGSL sums each tap apart. */
  readonly split: "ranges" | "taps";
}

const large: readonly Large[] = [
  {
    x: [4, 8, 14, 14],
    weight: [16, 8, 3, 3],
    attrs: { stride: 2, padding: 1 },
    kernel: "conv2d_backward_weight",
    split: "ranges",
  },
  {
    x: [2, 16, 16, 16],
    weight: [16, 8, 3, 3],
    attrs: { padding: 1, groups: 2 },
    kernel: "conv2d_backward_weight",
    split: "ranges",
  },
  {
    x: [16, 1, 28, 28],
    weight: [8, 1, 5, 5],
    attrs: { stride: 2, padding: 2 },
    kernel: "conv2d_backward_weight_few",
    split: "ranges",
  },
  {
    x: [3, 3, 16, 17],
    weight: [6, 3, 3, 9],
    attrs: { padding: 4 },
    kernel: "conv2d_backward_weight_few",
    split: "ranges",
  },
  {
    x: [2, 6, 17, 16],
    weight: [6, 1, 3, 3],
    attrs: { padding: 1, groups: 6 },
    kernel: "conv2d_backward_weight_depthwise",
    split: "ranges",
  },
  {
    x: [2, 6, 17, 16],
    weight: [9, 2, 3, 3],
    attrs: { padding: 1, groups: 3 },
    kernel: "conv2d_backward_weight_plain",
    split: "ranges",
  },
  {
    x: [1, 116, 4, 4],
    weight: [5, 116, 3, 3],
    attrs: { padding: 1 },
    kernel: "conv2d_forward",
    split: "taps",
  },
  {
    x: [1, 5, 5, 5],
    weight: [116, 5, 3, 3],
    attrs: { stride: 2, padding: 1 },
    kernel: "conv2d_backward_input",
    split: "taps",
  },
];

/** The same sums in the kernels that swap between the lanes of a subgroup, where the adapter has them. */
const quads = large
  .filter(({ kernel }) => /^conv2d_(forward|backward_input|backward_weight)$/.test(kernel))
  .map((one) => ({ ...one, kernel: `${one.kernel}_quads` }));

/** The op whose lowering a kernel is. */
function opOf(kernel: string): string {
  if (kernel.startsWith("conv2d_forward")) return "conv2d";
  return kernel.startsWith("conv2d_backward_input")
    ? "conv2d_backward_input"
    : "conv2d_backward_weight_ranges";
}

async function canSwap(): Promise<boolean> {
  const { target } = contextOf(await testDevice());
  return hasQuads(target) && target.features.includes("subgroups");
}

for (const { x, weight, attrs, kernel, split } of [...large, ...quads]) {
  test(`${kernel}: ${x.join("x")} * ${weight.join("x")}`, async ({ skip }) => {
    skip(kernel.endsWith("_quads") && !(await canSwap()), "subgroups are not four lanes wide");
    const one: OpCase = {
      op: "conv2d",
      name: kernel,
      // Sums of positive numbers lose the most digits.
      inputs: { x: { shape: [...x], fill: "uniform" }, weight: { shape: [...weight], fill: "uniform" } },
      attrs,
      run: (values, options) => ({ y: conv2d(need(values, "x"), need(values, "weight"), null, options) }),
      reference: conv2dReference,
    };
    const seen: string[] = [];
    await expectCase(one, {
      choices: choosing({
        ...(split === "ranges" && { conv2d_backward_weight: "ranges" }),
        [opOf(kernel)]: kernel,
      }),
      onPlan: (plan) => {
        for (const { label, pipeline } of plan.dispatches) {
          const apart = plan.pipelines[pipeline]!.code.includes("const TAPS_APART: u32 = 1u;");
          seen.push(apart ? `${label} by taps` : label);
        }
        return undefined;
      },
    });
    const expected = split === "taps" ? [`${kernel} by taps`] : [kernel, "add_splits"];
    expect(seen).toEqual(expect.arrayContaining(expected));
  });
}
