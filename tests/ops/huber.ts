import { huber } from "../../src/ops/index.ts";
import { chosenValues, pairLossCase, pairLossCases } from "../reference/case-builders.ts";
import { huber as reference } from "../reference/loss.ts";
import type { OpCase } from "../reference/types.ts";

const line = { shape: [17], scale: 2 };

export const cases: OpCase[] = [
  ...pairLossCases("huber", huber, reference, { x: {}, y: { scale: 2 } }),
  pairLossCase("huber", huber, reference, "mean by default", { x: line, y: line }),
  pairLossCase("huber", huber, reference, "delta 0.5", { x: line, y: line, attrs: { delta: 0.5 } }),
  pairLossCase("huber", huber, reference, "delta 2.5, none", {
    x: line,
    y: line,
    attrs: { delta: 2.5, reduction: "none" },
  }),
  pairLossCase("huber", huber, reference, "kink of the slope at delta", {
    x: chosenValues(1, -2, 0.5, 3),
    y: chosenValues(0, -1, 0.5),
    attrs: { delta: 1, reduction: "sum" },
  }),
];
