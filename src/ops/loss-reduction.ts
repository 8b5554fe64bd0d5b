import pairedSumsWgsl from "../../shaders/paired_sums.wgsl?raw";
import weightedMeanWgsl from "../../shaders/weighted_mean.wgsl?raw";
import { OptionError, ShapeError } from "../core/errors.ts";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv, formatShape, numel, sameShape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { filled } from "../graph/leaf.ts";
import type { Value } from "../graph/value.ts";
import { mean } from "./mean.ts";
import { sum } from "./sum.ts";

/** What becomes of the losses of single positions. */
export type Reduction = "mean" | "sum" | "none";

export interface ReductionOptions {
  /** "mean" (default), "sum", or "none": one loss for each position. */
  readonly reduction?: Reduction;
}

/** The reduction that was asked for. Errors  OptionError for an unknown word */
export function reductionOf(op: string, { reduction = "mean" }: ReductionOptions): Reduction {
  if (reduction === "mean" || reduction === "sum" || reduction === "none") return reduction;
  throw new OptionError({
    op,
    problem: "reduction",
    expected: '"mean", "sum" or "none"',
    got: JSON.stringify(reduction),
  });
}

/** Refuses pairs of unequal shape. Errors  ShapeError: a broadcast target is a mistake more often than not */
export function checkPair(op: string, x: Value, y: Value): void {
  if (sameShape(x.shape, y.shape)) return;
  throw new ShapeError({
    op,
    problem: "shape of the target",
    expected: formatShape(x.shape),
    got: formatShape(y.shape),
    shapes: { x: formatShape(x.shape), y: formatShape(y.shape) },
    fix: "reshape one of them; a target does not broadcast",
  });
}

/** Mean, sum or all of an elementwise loss. */
export function reduceElements(op: string, loss: Value, options: ReductionOptions): Value {
  const reduction = reductionOf(op, options);
  if (reduction === "none") return loss;
  return reduction === "sum" ? sum(loss) : mean(loss);
}

/** Arrays longer than this are summed in parts first. */
const LONG = 128;

const pairedSums = defineOp<"loss" | "share", "lossPart" | "sharePart", { parts: number }>({
  name: "paired_sums",
  inputs: ["loss", "share"],
  outputs: ["lossPart", "sharePart"],
  shape: (_, { parts }) => ({ lossPart: [parts], sharePart: [parts] }),
  lowerings: [
    {
      name: "paired_sums",
      wgsl: pairedSumsWgsl,
      launch: ({ shape: { loss }, attrs: { parts } }) => ({
        grid: linearGrid(ceilDiv(parts, 64)),
        const: { COUNT: numel(loss), PARTS: parts, LENGTH: ceilDiv(numel(loss), parts) },
      }),
    },
  ],
  gradient: { none: "the loss that uses it has one of its own" },
});

const weightedMean = defineOp<"loss" | "share", "y" | "total">({
  name: "weighted_mean",
  inputs: ["loss", "share"],
  outputs: ["y", "total"],
  shape: () => ({ y: [], total: [] }),
  lowerings: [
    {
      name: "weighted_mean",
      wgsl: weightedMeanWgsl,
      launch: ({ shape: { loss } }) => ({ grid: [1], const: { COUNT: numel(loss) } }),
    },
  ],
  gradient: { none: "the loss that uses it has one of its own" },
});

/**
 * Reduces the losses of positions of which each counts by its share.   mean: y = Σ loss / Σ share
 * Returns y and what a mean was divided by (1 for the others), which the gradient needs.
 * Shapes  loss, share equal; y [] or, for "none", as loss; total []
 */
export function reduceShares(loss: Value, share: Value, reduction: Reduction) {
  if (reduction === "mean") {
    const count = numel(loss.shape);
    if (count <= LONG) return weightedMean({ loss, share }, {});
    const { lossPart, sharePart } = pairedSums({ loss, share }, { parts: Math.ceil(Math.sqrt(count)) });
    return weightedMean({ loss: lossPart, share: sharePart }, {});
  }
  return { y: reduction === "sum" ? sum(loss) : loss, total: filled([], 1) };
}
