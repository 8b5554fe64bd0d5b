import { groupNorm } from "../../src/ops/index.ts";
import { groupNormReference } from "../reference/norm.ts";
import { need } from "../reference/tensor.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";

interface Options {
  readonly x?: Omit<InputSpec, "shape">;
  readonly weight?: boolean;
  readonly bias?: boolean;
  readonly eps?: number;
}

function groupNormCase(
  name: string,
  shape: readonly number[],
  groups: number,
  options: Options = {},
): OpCase {
  const { weight = true, bias = true, eps } = options;
  const channels = shape[1] ?? 1;
  return {
    op: "groupNorm",
    name: `${name}: ${shape.join("x")} in ${groups}`,
    inputs: {
      x: { shape, ...options.x },
      ...(weight && { weight: { shape: [channels], shift: 1, scale: 0.5 } }),
      ...(bias && { bias: { shape: [channels] } }),
    },
    attrs: { groups, ...(eps !== undefined && { eps }) },
    run: (values, attrs) => ({
      y: groupNorm(need(values, "x"), values.weight ?? null, values.bias ?? null, attrs),
    }),
    reference: groupNormReference,
  };
}

const shape = [2, 12, 5, 3] as const;

/** The first of two groups of two channels is constant. */
const constantGroup = Array.from({ length: 16 }, (_, i) => (i < 8 ? -1.3 : Math.cos(5 * i)));

export const cases: OpCase[] = [
  groupNormCase("three channels a group", shape, 4),
  groupNormCase("four channels a group", shape, 3),
  groupNormCase("one group", shape, 1),
  groupNormCase("one channel a group", shape, 12),
  groupNormCase("two groups", shape, 2),
  groupNormCase("no affine", shape, 4, { weight: false, bias: false }),
  groupNormCase("weight only", shape, 4, { bias: false }),
  groupNormCase("bias only", shape, 4, { weight: false }),
  groupNormCase("eps 1e-3", shape, 4, { eps: 1e-3 }),
  groupNormCase("deviation 1e-3, where eps counts", shape, 4, { x: { scale: 1e-3 } }),
  groupNormCase("mean 1e4", shape, 4, { x: { shift: 1e4 } }),
  groupNormCase("deviation 1e3", shape, 4, { x: { scale: 1e3 } }),
  groupNormCase("constant group", [1, 4, 2, 2], 2, { x: { fill: "values", values: constantGroup } }),
  groupNormCase("two values a group", [3, 2, 1, 1], 1),
  groupNormCase("groups of five", [3, 15, 1, 7], 3),
  groupNormCase("seventeen channels", [2, 17, 3, 3], 17),
  groupNormCase("one channel", [3, 1, 7, 5], 1),
  groupNormCase("eight channels, wide", [1, 8, 11, 13], 2),
  groupNormCase("rank 2", [5, 12], 3),
  groupNormCase("rank 2, one group", [3, 7], 1),
  groupNormCase("rank 3", [2, 6, 7], 2),
  groupNormCase("rank 3, mean 1e4", [2, 6, 7], 3, { x: { shift: 1e4 } }),
];
