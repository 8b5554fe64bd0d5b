import { upsampleNearest } from "../../src/ops/index.ts";
import { need } from "../reference/tensor.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";
import { upsampleNearestReference } from "../reference/upsample.ts";
import type { Pair } from "../reference/window.ts";

function upsampleCase(shape: readonly number[], scale: Pair, fill: Omit<InputSpec, "shape"> = {}): OpCase {
  return {
    op: "upsampleNearest",
    name: `${shape.join("x")} by ${JSON.stringify(scale)} ${JSON.stringify(fill)}`,
    inputs: { x: { shape, ...fill } },
    attrs: { scale },
    run: (values, attrs) => ({ y: upsampleNearest(need(values, "x"), attrs) }),
    reference: upsampleNearestReference,
  };
}

export const cases: OpCase[] = [
  upsampleCase([2, 3, 5, 7], 2),
  upsampleCase([2, 3, 5, 7], 1),
  upsampleCase([2, 3, 5, 7], 3),
  upsampleCase([2, 3, 5, 7], [2, 1]),
  upsampleCase([2, 3, 5, 7], [1, 3]),
  upsampleCase([1, 1, 1, 1], 5),
  upsampleCase([3, 4, 4, 4], 2),
  upsampleCase([1, 17, 3, 2], [3, 2]),
  upsampleCase([2, 8, 1, 7], 2),
  upsampleCase([2, 8, 1, 7], 2, { scale: 1e3 }),
  upsampleCase([1, 5, 7, 1], 4),
  upsampleCase([2, 12, 3, 3], 2),
];
