import { adaptiveAvgPool2d } from "../../src/ops/index.ts";
import { adaptiveAvgPool2dReference } from "../reference/pool.ts";
import { need } from "../reference/tensor.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";
import type { Pair } from "../reference/window.ts";

function adaptiveCase(
  shape: readonly number[],
  outputSize: Pair,
  fill: Omit<InputSpec, "shape"> = {},
): OpCase {
  return {
    op: "adaptiveAvgPool2d",
    name: `${shape.join("x")} to ${JSON.stringify(outputSize)} ${JSON.stringify(fill)}`,
    inputs: { x: { shape, ...fill } },
    attrs: { outputSize },
    run: (values, attrs) => ({ y: adaptiveAvgPool2d(need(values, "x"), attrs) }),
    reference: adaptiveAvgPool2dReference,
  };
}

const odd = [2, 5, 7, 11] as const;
const even = [2, 4, 8, 8] as const;

export const cases: OpCase[] = [
  // Divisible: windows do not overlap.
  adaptiveCase(even, 1),
  adaptiveCase(even, 2),
  adaptiveCase(even, 4),
  adaptiveCase(even, 8),
  adaptiveCase(even, [2, 4]),
  adaptiveCase(even, [8, 1]),
  // Not divisible: neighbouring windows overlap and differ in size.
  adaptiveCase(even, 3),
  adaptiveCase(even, 5),
  adaptiveCase(even, [7, 3]),
  adaptiveCase(odd, 1),
  adaptiveCase(odd, 2),
  adaptiveCase(odd, 3),
  adaptiveCase(odd, [3, 5]),
  adaptiveCase(odd, [5, 2]),
  adaptiveCase(odd, [7, 11]),
  adaptiveCase(odd, [1, 10]),
  // More outputs than inputs: elements repeat.
  adaptiveCase(odd, [9, 13]),
  adaptiveCase([2, 3, 3, 2], [7, 5]),
  adaptiveCase([3, 4, 1, 1], 3),
  // Extents and channels.
  adaptiveCase([3, 1, 5, 1], [2, 1]),
  adaptiveCase([2, 7, 1, 13], [1, 4]),
  adaptiveCase([1, 16, 5, 5], 2),
  adaptiveCase([2, 17, 6, 4], [4, 3]),
  adaptiveCase([5, 8, 7, 7], 1),
  adaptiveCase([2, 12, 4, 4], 3),
  // Numbers that lose digits.
  adaptiveCase(odd, 3, { shift: 100 }),
  adaptiveCase(odd, 3, { scale: 1e3 }),
];
