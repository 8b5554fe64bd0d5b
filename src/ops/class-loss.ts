import { OptionError, ShapeError } from "../core/errors.ts";
import type { Physical } from "../core/layout.ts";
import { formatShape, numel, type Shape, sameShape } from "../core/shape.ts";
import { filled } from "../graph/leaf.ts";
import type { Value } from "../graph/value.ts";
import { axesOf, fourAxes, sizeConsts, strideConsts } from "./axes.ts";
import { type Reduction, type ReductionOptions, reductionOf } from "./loss-reduction.ts";

/** Options of the losses over classes. */
export interface ClassLossOptions extends ReductionOptions {
  /** One weight for each class; none counts as 1. A mean divides by the weights of the labels. */
  readonly weight?: Value;
  /** Label whose positions do not count; default −100. */
  readonly ignoreIndex?: number;
}

/** Attributes of the losses over classes. */
export interface ClassLossAttrs {
  readonly reduction: Reduction;
  readonly weighted: boolean;
  readonly ignoreIndex: number;
}

/** Shape of the positions: all axes but the classes, which are axis 1. */
export function positionShape(scores: Shape): number[] {
  return [scores[0]!, ...scores.slice(2)];
}

/** Shape of the loss. */
export function lossShape(scores: Shape, reduction: Reduction): number[] {
  return reduction === "none" ? positionShape(scores) : [];
}

/**
 * Checks scores and their target against each other.
 * Errors  ShapeError for a rank below 2, scores that are no floats, labels that are not one i32 for each position
 */
export function checkLabels(op: string, scores: Value, target: Value): void {
  const { shape } = scores;
  const shapes = { input: formatShape(shape), target: formatShape(target.shape) };
  const fail = (problem: string, expected: string, got: string, fix: string) => {
    throw new ShapeError({ op, problem, expected, got, shapes, fix });
  };
  if (scores.dtype !== "f32") fail("dtype of the input", "f32", scores.dtype, "pass floats");
  if (shape.length < 2) {
    fail(
      "rank of the input",
      "at least 2 ([N, C] or [N, C, ...])",
      `${shape.length}`,
      "put the classes on axis 1",
    );
  }
  const positions = positionShape(shape);
  if (target.dtype !== "i32" || !sameShape(target.shape, positions)) {
    const got = `${target.dtype} ${formatShape(target.shape)}`;
    fail("class indices", `i32 ${formatShape(positions)}`, got, "pass one class index for each position");
  }
}

/** Checks weights and options, and fills in defaults; without weights a constant stands in, which nobody reads. */
export function classLossInputs(op: string, scores: Value, options: ClassLossOptions) {
  const { weight, ignoreIndex = -100 } = options;
  const classes = scores.shape[1]!;
  if (weight && (weight.dtype !== "f32" || !sameShape(weight.shape, [classes]))) {
    throw new ShapeError({
      op,
      problem: "class weights",
      expected: `f32 [${classes}]`,
      got: `${weight.dtype} ${formatShape(weight.shape)}`,
      shapes: { input: formatShape(scores.shape) },
      fix: "pass one weight for each class",
    });
  }
  if (!Number.isInteger(ignoreIndex)) {
    throw new OptionError({ op, problem: "ignoreIndex", expected: "an integer", got: `${ignoreIndex}` });
  }
  const attrs: ClassLossAttrs = { reduction: reductionOf(op, options), weighted: !!weight, ignoreIndex };
  return { weight: weight ?? filled([1], 1), attrs };
}

/** Constants of a kernel that walks positions and classes of scores in their own layout. */
export function classConsts(scores: Physical): Record<string, number> {
  const { shape, strides } = scores;
  const others = shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const kept = fourAxes(axesOf([scores], others));
  return {
    COUNT: numel(positionShape(shape)),
    CLASSES: shape[1]!,
    STRIDE: strides[1]!,
    ...sizeConsts("KEPT", kept),
    ...strideConsts("KEPT", kept),
  };
}
