import { abs, clamp, exp, log, neg, sqrt } from "../../src/ops/index.ts";
import { chosenValues, pointwisePlans, type UnaryPlan, unaryCases } from "../reference/case-builders.ts";
import * as reference from "../reference/pointwise.ts";
import type { OpCase } from "../reference/types.ts";

const clamped: UnaryPlan[] = pointwisePlans(-2, 2, { min: -0.75, max: 1.125 });

export const cases: OpCase[] = [
  ...unaryCases("neg", neg, reference.neg, pointwisePlans(-3, 3)),
  ...unaryCases("abs", abs, reference.abs, [
    ...pointwisePlans(-3, 3),
    ["kink at 0", chosenValues(0, 1, -1, 0.25)],
  ]),
  ...unaryCases("exp", exp, reference.exp, [
    ...pointwisePlans(-5, 4),
    ["at 0 and far below", chosenValues(0, -20, -80, 1)],
  ]),
  ...unaryCases("log", log, reference.log, [
    ...pointwisePlans(0.05, 8),
    ["around 1", { shape: [17], fill: "uniform", low: 0.8, high: 1.25 }],
    ["small numbers", { shape: [17], fill: "uniform", low: 0.002, high: 0.02 }],
    ["large numbers", { shape: [17], fill: "uniform", low: 1000, high: 65536 }],
  ]),
  ...unaryCases("sqrt", sqrt, reference.sqrt, [
    ...pointwisePlans(0.05, 9),
    ["squares", chosenValues(1, 4, 9, 16)],
    ["small numbers", { shape: [17], fill: "uniform", low: 0.002, high: 0.02 }],
  ]),
  ...unaryCases("clamp", clamp, reference.clamp, [
    ...clamped,
    ["only min", { shape: [17] }, { min: -0.25 }],
    ["only max", { shape: [17] }, { max: 0.5 }],
    ["no lane passes the max", { shape: [2, 5, 3, 7], fill: "uniform", low: 2, high: 3 }, { min: 0, max: 1 }],
    ["kinks at both bounds", chosenValues(-1, 1, 0, 2, -2), { min: -1, max: 1 }],
  ]),
];
