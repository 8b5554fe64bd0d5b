import correctTopKWgsl from "../../shaders/correct_top_k.wgsl?raw";
import { OptionError } from "../core/errors.ts";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv, numel } from "../core/shape.ts";
import { checkFloats, defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { checkLabels, classConsts, positionShape } from "./class-loss.ts";

const op = defineOp<"scores" | "labels", "y", { k: number }>({
  name: "correct_top_k",
  inputs: ["scores", "labels"],
  outputs: ["y"],
  shape: ({ scores }) => ({ y: positionShape(scores) }),
  lowerings: [
    {
      name: "correct_top_k",
      wgsl: correctTopKWgsl,
      layouts: { scores: "any" },
      launch: ({ physical, shape, attrs: { k } }) => ({
        grid: linearGrid(ceilDiv(numel(shape.y), 64)),
        const: { ...classConsts(physical.scores), K: k },
      }),
    },
  ],
  gradient: { none: "a count has no slope; train on a loss such as crossEntropy" },
});

/**
 * 1 where the label is among the k largest scores, else 0; classes that tie with the label's do not push it out. A NaN
 * score counts as larger, a label that is no class as wrong.
 * Shapes  scores [N, C] or [N, C, ...]; target i32 [N] or [N, ...]; y f32 as target
 * Errors  ShapeError for shapes or dtypes that do not fit; OptionError for a k below 1
 */
export function correctTopK(scores: Value, target: Value, { k = 1 }: { readonly k?: number } = {}): Value {
  checkFloats({ name: "correctTopK" }, { scores });
  checkLabels("correctTopK", scores, target);
  if (!Number.isInteger(k) || k < 1) {
    throw new OptionError({
      op: "correctTopK",
      problem: "k",
      expected: "an integer of at least 1",
      got: `${k}`,
    });
  }
  return op({ scores, labels: target }, { k }).y;
}
