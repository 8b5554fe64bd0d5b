import { mse } from "../../src/ops/index.ts";
import { chosenValues, pairLossCase, pairLossCases } from "../reference/case-builders.ts";
import { mse as reference } from "../reference/loss.ts";
import type { OpCase } from "../reference/types.ts";

export const cases: OpCase[] = [
  ...pairLossCases("mse", mse, reference, { x: {}, y: { scale: 2 } }),
  pairLossCase("mse", mse, reference, "mean by default", { x: { shape: [17] }, y: { shape: [17] } }),
  pairLossCase("mse", mse, reference, "some equal", {
    x: chosenValues(1, -2, 0.5, 3),
    y: chosenValues(1, 2, 0.5),
  }),
];
