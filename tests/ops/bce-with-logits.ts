import { bceWithLogits } from "../../src/ops/index.ts";
import { chosenValues, pairLossCase, pairLossCases } from "../reference/case-builders.ts";
import { bceWithLogits as reference } from "../reference/loss.ts";
import type { Attrs, InputSpec, OpCase } from "../reference/types.ts";

const op = "bceWithLogits";

interface Weights {
  readonly weight?: readonly number[];
  readonly posWeight?: readonly number[];
}

function weighted(name: string, shape: readonly number[], weights: Weights, attrs: Attrs = {}): OpCase {
  const of = (weightShape: readonly number[]): InputSpec => ({
    shape: weightShape,
    fill: "uniform",
    low: 0.2,
    high: 3,
    gradient: false,
  });
  return {
    op,
    name,
    inputs: {
      x: { shape, scale: 2 },
      y: { shape, fill: "uniform" },
      ...(weights.weight && { weight: of(weights.weight) }),
      ...(weights.posWeight && { posWeight: of(weights.posWeight) }),
    },
    attrs,
    run: (values, given) => ({
      loss: bceWithLogits(values.x!, values.y!, {
        ...given,
        ...(values.weight && { weight: values.weight }),
        ...(values.posWeight && { posWeight: values.posWeight }),
      }),
    }),
    reference,
  };
}

export const cases: OpCase[] = [
  ...pairLossCases(op, bceWithLogits, reference, { x: { scale: 2 }, y: { fill: "uniform" } }),
  pairLossCase(op, bceWithLogits, reference, "mean by default, targets 0 and 1", {
    x: { shape: [3, 4], scale: 3 },
    y: chosenValues(0, 1, 1, 0, 1),
  }),
  pairLossCase(op, bceWithLogits, reference, "saturated logits", {
    x: chosenValues(-80, 80, 30, -30, 0),
    y: chosenValues(0, 1, 0, 1, 0.5, 1, 0),
    attrs: { reduction: "none" },
  }),
  weighted("weight of equal shape", [3, 4], { weight: [3, 4] }),
  weighted("weight for each class", [3, 4], { weight: [4] }),
  weighted("weight for each channel of 5", [2, 5, 3, 7], { weight: [5, 1, 1] }),
  weighted("weight for each example", [2, 8, 3, 4], { weight: [2, 1, 1, 1] }, { reduction: "sum" }),
  weighted("posWeight for each class", [3, 4], { posWeight: [4] }),
  weighted("one posWeight", [17], { posWeight: [1] }, { reduction: "none" }),
  weighted("posWeight for each channel of 5", [2, 5, 3, 7], { posWeight: [5, 1, 1] }),
  weighted("both", [3, 4], { weight: [3, 1], posWeight: [4] }),
  weighted("both, none", [2, 8, 3, 4], { weight: [1, 8, 1, 1], posWeight: [4] }, { reduction: "none" }),
];
