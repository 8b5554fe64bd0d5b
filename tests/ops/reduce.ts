import { max, mean, sum } from "../../src/ops/index.ts";
import { type UnaryPlan, unaryCases } from "../reference/case-builders.ts";
import * as reference from "../reference/reduce.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";

type Fill = Omit<InputSpec, "shape">;

function plans(fill: Fill): UnaryPlan[] {
  const of = (...shape: readonly number[]): InputSpec => ({ ...fill, shape });
  return [
    ["all of 5 channels", of(2, 5, 3, 7)],
    ["all of 8 channels, kept", of(2, 8, 3, 4), { keepDims: true }],
    ["channels, 5", of(2, 5, 3, 7), { axes: [1] }],
    ["channels, 8", of(2, 8, 3, 4), { axes: [1], keepDims: true }],
    ["space, 5 channels", of(2, 5, 3, 7), { axes: [2, 3] }],
    ["space, 5 channels, kept", of(2, 5, 3, 7), { axes: [2, 3], keepDims: true }],
    ["all but channels", of(2, 5, 3, 7), { axes: [0, 2, 3] }],
    ["batch", of(2, 5, 3, 7), { axes: [0] }],
    ["height and channels", of(2, 8, 3, 4), { axes: [2, 1] }],
    ["negative axis", of(2, 5, 3, 7), { axes: [-1] }],
    ["rows", of(3, 4), { axes: [0] }],
    ["columns", of(3, 4), { axes: [1], keepDims: true }],
    ["17 elements", of(17)],
    ["17 elements, kept", of(17), { axes: [0], keepDims: true }],
    ["one element", of(1)],
    ["long rows", of(3, 1100), { axes: [1] }],
    ["long columns", of(1100, 3), { axes: [0] }],
    ["all of 3300", of(3, 1100)],
  ];
}

const ties: Fill = { fill: "ties", shift: -3 };

export const cases: OpCase[] = [
  ...unaryCases("sum", sum, reference.sum, plans({})),
  ...unaryCases("mean", mean, reference.mean, plans({ shift: 0.5 })),
  // All values are below zero, so that a padding lane or an unset accumulator of 0 would win.
  ...unaryCases("max", max, reference.max, [
    ...plans({ fill: "distinct", shift: -5 }),
    ["kink: ties over all", { shape: [2, 5, 3, 7], ...ties }],
    ["kink: ties over channels", { shape: [2, 5, 3, 7], ...ties }, { axes: [1], keepDims: true }],
    ["kink: ties over space", { shape: [2, 8, 3, 4], ...ties }, { axes: [2, 3] }],
    ["kink: all equal", { shape: [3, 4], fill: "uniform", low: -2, high: -2 }, { axes: [1] }],
  ]),
];
