import { logSoftmax, softmax } from "../../src/ops/index.ts";
import { type UnaryPlan, unaryCases } from "../reference/case-builders.ts";
import * as reference from "../reference/softmax.ts";
import type { OpCase } from "../reference/types.ts";

const plans: UnaryPlan[] = [
  ["default axis of 5 channels", { shape: [2, 5, 3, 7] }],
  ["5 channels", { shape: [2, 5, 3, 7], scale: 2 }, { axis: 1 }],
  ["8 channels", { shape: [2, 8, 3, 4], scale: 2 }, { axis: 1 }],
  ["batch axis", { shape: [2, 5, 3, 7] }, { axis: 0 }],
  ["height axis", { shape: [2, 8, 3, 4] }, { axis: -2 }],
  ["last axis, rank 2", { shape: [3, 4], scale: 3 }, { axis: 1 }],
  ["first axis, rank 2", { shape: [3, 4] }, { axis: 0 }],
  ["middle axis, rank 3", { shape: [2, 3, 5] }, { axis: 1 }],
  ["17 elements", { shape: [17] }],
  ["one element", { shape: [1] }],
  ["one class", { shape: [5, 1] }],
  ["1000 classes", { shape: [3, 1000], scale: 3 }],
  ["1000 classes on the first axis", { shape: [1000, 3], scale: 3 }, { axis: 0 }],
  ["large logits", { shape: [3, 4], scale: 40, shift: 200 }],
  ["large negative logits", { shape: [2, 5, 3, 7], scale: 2, shift: -300 }, { axis: 1 }],
  ["all equal", { shape: [3, 4], fill: "uniform", low: 1.5, high: 1.5 }],
];

export const cases: OpCase[] = [
  ...unaryCases("softmax", softmax, reference.softmax, plans),
  ...unaryCases("logSoftmax", logSoftmax, reference.logSoftmax, plans),
];
