import { OptionError, ShapeError } from "../core/errors.ts";
import { formatShape, numel, sameShape } from "../core/shape.ts";
import { checkFloats } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { add } from "./add.ts";
import { standardise } from "./batch-norm.ts";
import { mul } from "./mul.ts";
import { reshape } from "./reshape.ts";

export interface LayerNormOptions {
  /** Sizes of the last axes, over which one example is normalised. */
  readonly normalizedShape: readonly number[];
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}

/**
 * Layer normalisation.   y = (x − mean)/√(var + eps)·weight + bias, mean and biased var over the last axes
 * Shapes  x [..., *normalizedShape]; weight, bias as normalizedShape, or null; y as x
 * Errors  ShapeError if x does not end in normalizedShape; OptionError for eps
 * Source  Ba et al. 2016 (arXiv:1607.06450); torch.nn.functional.layer_norm
 */
export function layerNorm(
  x: Value,
  weight: Value | null,
  bias: Value | null,
  { normalizedShape, eps = 1e-5 }: LayerNormOptions,
): Value {
  const op = "layerNorm";
  checkFloats({ name: op }, { x, ...(weight && { weight }), ...(bias && { bias }) });
  if (!(eps > 0)) throw new OptionError({ op, problem: "eps", expected: "a number above 0", got: `${eps}` });
  const rank = normalizedShape.length;
  if (
    rank === 0 ||
    rank > x.shape.length ||
    !sameShape(x.shape.slice(x.shape.length - rank), normalizedShape)
  ) {
    throw new ShapeError({
      op,
      problem: "last axes of x",
      expected: formatShape(normalizedShape),
      got: formatShape(x.shape),
      fix: "set normalizedShape to the sizes of x's last axes",
    });
  }
  for (const [name, value] of Object.entries({ weight, bias })) {
    if (!value || sameShape(value.shape, normalizedShape)) continue;
    throw new ShapeError({
      op,
      problem: `shape of ${name}`,
      expected: formatShape(normalizedShape),
      got: formatShape(value.shape),
    });
  }
  const length = numel(normalizedShape);
  const rows = standardise(reshape(x, [1, numel(x.shape) / length, length]), eps);
  const scaled = weight ? mul(reshape(rows, x.shape), weight) : reshape(rows, x.shape);
  return bias ? add(scaled, bias) : scaled;
}
