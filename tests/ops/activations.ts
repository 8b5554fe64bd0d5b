import {
  elu,
  erf,
  gelu,
  hardsigmoid,
  hardswish,
  leakyRelu,
  mish,
  prelu,
  relu,
  selu,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "../../src/ops/index.ts";
import { chosenValues, pointwisePlans, type UnaryPlan, unaryCases } from "../reference/case-builders.ts";
import * as reference from "../reference/pointwise.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";

const usual = pointwisePlans(-4, 4);
const far: UnaryPlan = ["far from zero", { shape: [17], fill: "uniform", low: -15, high: 15 }];
const zero: UnaryPlan = ["kink at 0", chosenValues(0, 1, -1, 0.5)];
const bounds: UnaryPlan = ["kinks at -3 and 3", chosenValues(-3, 3, 0, 1, -4, 4)];

function preluCase(name: string, shape: readonly number[], weight: number, x?: Partial<InputSpec>): OpCase {
  return {
    op: "prelu",
    name,
    inputs: {
      x: { shape, fill: "distinct", ...x },
      weight: { shape: [weight], fill: "uniform", low: -0.5, high: 0.5 },
    },
    attrs: {},
    run: (values) => ({ y: prelu(values.x!, values.weight!) }),
    reference: reference.prelu,
  };
}

export const cases: OpCase[] = [
  ...unaryCases("relu", relu, reference.relu, [...usual, far, zero]),
  ...unaryCases("leakyRelu", leakyRelu, reference.leakyRelu, [
    ...usual,
    zero,
    ["slope 0.2", { shape: [17] }, { negativeSlope: 0.2 }],
    ["slope 0", { shape: [17] }, { negativeSlope: 0 }],
    ["kink at 0, slope 1.5", chosenValues(0, -1, 1), { negativeSlope: 1.5 }],
  ]),
  preluCase("one weight, 5 channels", [2, 5, 3, 7], 1),
  preluCase("one weight for each of 5 channels", [2, 5, 3, 7], 5),
  preluCase("one weight for each of 8 channels", [2, 8, 3, 4], 8),
  preluCase("one weight, rank 1", [17], 1),
  preluCase("one weight for each column", [3, 4], 4),
  preluCase("one weight for each channel, rank 3", [2, 3, 5], 3),
  preluCase("kink at 0", [3, 4], 4, chosenValues(0, -1, 2, 0, 1)),
  preluCase("one element", [1], 1, { fill: "values", values: [-1.5] }),
  ...unaryCases("erf", erf, reference.erfReference, [...usual, far, zero]),
  ...unaryCases("elu", elu, reference.elu, [
    ...usual,
    far,
    zero,
    ["alpha 0.5", { shape: [17] }, { alpha: 0.5 }],
    ["kink at 0, alpha 2", chosenValues(0, -1, 1, -3), { alpha: 2 }],
  ]),
  ...unaryCases("selu", selu, reference.selu, [...usual, far, zero]),
  ...unaryCases("gelu", gelu, reference.gelu, [
    ...usual,
    far,
    ["at 0", chosenValues(0, 1, -1, 3, -3, 6)],
    ["approximate none", { shape: [17], scale: 2 }, { approximate: "none" }],
    ...pointwisePlans(-4, 4, { approximate: "tanh" }).map(
      ([name, x, attrs]): UnaryPlan => [`tanh, ${name}`, x, attrs],
    ),
    ["tanh, far from zero", far[1], { approximate: "tanh" }],
  ]),
  ...unaryCases("silu", silu, reference.silu, [...usual, far]),
  ...unaryCases("hardswish", hardswish, reference.hardswish, [...usual, far, bounds]),
  ...unaryCases("hardsigmoid", hardsigmoid, reference.hardsigmoid, [...usual, far, bounds]),
  ...unaryCases("sigmoid", sigmoid, reference.sigmoid, [
    ...usual,
    far,
    ["saturated", chosenValues(-80, 80, -30, 30, 0)],
  ]),
  ...unaryCases("tanh", tanh, reference.tanh, [
    ...usual,
    far,
    ["saturated", chosenValues(-60, 60, -9, 9, 0)],
    ["near zero", { shape: [17], scale: 1e-3 }],
  ]),
  ...unaryCases("softplus", softplus, reference.softplus, [
    ...usual,
    far,
    ["beta 2, threshold 3", { shape: [17], scale: 2 }, { beta: 2, threshold: 3 }],
    ["beta 0.5", { shape: [17], scale: 3 }, { beta: 0.5 }],
    ["beyond the threshold", chosenValues(-80, 80, 21, 19, 0)],
  ]),
  ...unaryCases("mish", mish, reference.mish, [
    ...usual,
    far,
    ["saturated", chosenValues(-80, 80, -30, 30, 0)],
  ]),
];
