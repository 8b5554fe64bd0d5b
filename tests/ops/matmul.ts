import { matmul } from "../../src/ops/index.ts";
import * as reference from "../reference/matmul.ts";
import type { OpCase } from "../reference/types.ts";

interface Transposes {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

export function matmulCase(a: readonly number[], b: readonly number[], attrs: Transposes = {}): OpCase {
  const side = (shape: readonly number[], transposed?: boolean): string =>
    `[${shape.join(",")}]${transposed ? "ᵀ" : ""}`;
  return {
    op: "matmul",
    name: `${side(a, attrs.transposeA)} · ${side(b, attrs.transposeB)}`,
    inputs: { a: { shape: a }, b: { shape: b } },
    attrs,
    run: (values, given) => ({ y: matmul(values.a!, values.b!, given) }),
    reference: reference.matmul,
  };
}

const [left, right, both]: Transposes[] = [
  { transposeA: true },
  { transposeB: true },
  { transposeA: true, transposeB: true },
];

export const cases: OpCase[] = [
  matmulCase([1, 1], [1, 1]),
  matmulCase([1, 7], [7, 1]),
  matmulCase([7, 1], [1, 7]),
  matmulCase([3, 5], [5, 7]),
  matmulCase([4, 4], [4, 4]),
  matmulCase([5, 3], [3, 4]),
  matmulCase([8, 8], [8, 8]),
  matmulCase([16, 16], [16, 16]),
  matmulCase([15, 9], [9, 17]),
  matmulCase([17, 13], [13, 11]),
  matmulCase([33, 17], [17, 9]),
  matmulCase([31, 32], [32, 33]),
  matmulCase([65, 63], [63, 66]),
  matmulCase([2, 300], [300, 3]),
  matmulCase([5, 1102], [1102, 5]),
  matmulCase([96, 9], [9, 90]),
  matmulCase([260, 5], [5, 256]),
  matmulCase([1, 33], [33, 8]),
  matmulCase([7, 3], [7, 5], left),
  matmulCase([8, 16], [8, 8], left),
  matmulCase([33, 17], [33, 9], left),
  matmulCase([3, 7], [5, 7], right),
  matmulCase([16, 8], [16, 8], right),
  matmulCase([17, 33], [9, 33], right),
  matmulCase([7, 3], [5, 7], both),
  matmulCase([16, 8], [8, 16], both),
  matmulCase([33, 17], [9, 33], both),
  matmulCase([3, 5, 7], [3, 7, 5]),
  matmulCase([2, 8, 4], [2, 4, 8]),
  matmulCase([2, 5, 3, 7], [2, 5, 7, 4]),
  matmulCase([2, 8, 3, 4], [2, 8, 4, 3]),
  matmulCase([2, 8, 3, 4], [2, 8, 3, 4], right),
  matmulCase([2, 5, 3, 7], [2, 5, 3, 7], left),
  matmulCase([2, 5, 7, 3], [2, 5, 4, 7], both),
  matmulCase([3, 7], [2, 7, 5]),
  matmulCase([2, 5, 7], [7, 3]),
  matmulCase([2, 1, 3, 4], [5, 4, 3]),
  matmulCase([2, 5, 3, 7], [7, 4]),
  matmulCase([2, 1, 3, 7], [1, 5, 7, 4]),
  matmulCase([1, 7, 3], [4, 7, 5], left),
  matmulCase([4, 3, 7], [1, 5, 7], right),
  matmulCase([3, 1, 7, 4], [8, 5, 7], both),
];
