import { linear } from "../../src/ops/index.ts";
import * as reference from "../reference/matmul.ts";
import type { OpCase } from "../reference/types.ts";

export function linearCase(x: readonly number[], outputs: number, hasBias = true): OpCase {
  const features = x[x.length - 1] as number;
  return {
    op: "linear",
    name: `[${x.join(",")}] to ${outputs}${hasBias ? "" : ", no bias"}`,
    inputs: {
      x: { shape: x },
      weight: { shape: [outputs, features], scale: 0.5 },
      ...(hasBias ? { bias: { shape: [outputs] } } : {}),
    },
    attrs: {},
    run: (values) => ({ y: linear(values.x!, values.weight!, values.bias ?? null) }),
    reference: reference.linear,
  };
}

export const cases: OpCase[] = [
  linearCase([1, 1], 1),
  linearCase([1, 1], 1, false),
  linearCase([1, 17], 10),
  linearCase([3, 4], 5),
  linearCase([3, 4], 5, false),
  linearCase([5, 3], 4),
  linearCase([4, 8], 8),
  linearCase([8, 16], 16),
  linearCase([16, 33], 10),
  linearCase([17, 7], 2),
  linearCase([33, 17], 9),
  linearCase([33, 17], 9, false),
  linearCase([64, 64], 10),
  linearCase([65, 31], 33),
  linearCase([7, 300], 3),
  linearCase([300, 7], 5),
  linearCase([5, 1030], 5),
  linearCase([602, 9], 6),
  linearCase([2, 3, 5], 7),
  linearCase([2, 5, 3, 7], 4),
  linearCase([2, 8, 3, 4], 5, false),
];
