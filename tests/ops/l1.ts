import { l1 } from "../../src/ops/index.ts";
import { chosenValues, pairLossCase, pairLossCases } from "../reference/case-builders.ts";
import { l1 as reference } from "../reference/loss.ts";
import type { OpCase } from "../reference/types.ts";

const fills = { x: {}, y: { scale: 2 } };

export const cases: OpCase[] = [
  ...pairLossCases("l1", l1, reference, fills),
  pairLossCase("l1", l1, reference, "mean by default", { x: { shape: [17] }, y: { shape: [17] } }),
  pairLossCase("l1", l1, reference, "kink where equal", {
    x: chosenValues(1, -2, 0.5, 3),
    y: chosenValues(1, 2, 0.5),
    attrs: { reduction: "sum" },
  }),
];
