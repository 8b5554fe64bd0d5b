import { OptionError, ShapeError } from "../core/errors.ts";
import { formatShape, numel } from "../core/shape.ts";
import { checkFloats } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { add } from "./add.ts";
import { standardise } from "./batch-norm.ts";
import { mul } from "./mul.ts";
import { reshape } from "./reshape.ts";

export interface GroupNormOptions {
  /** Groups of channels; divides C. */
  readonly groups: number;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}

/**
 * Group normalisation.   y = (x − mean)/√(var + eps)·weight + bias, mean and biased var over one group of channels of
 * one example
 * Shapes  x [N, C, ...]; weight, bias [C], or null; y as x
 * Errors  ShapeError for groups that do not divide C, or sizes other than C; OptionError
 * Source  Wu & He 2018 (arXiv:1803.08494); torch.nn.functional.group_norm
 */
export function groupNorm(
  x: Value,
  weight: Value | null,
  bias: Value | null,
  { groups, eps = 1e-5 }: GroupNormOptions,
): Value {
  const op = "groupNorm";
  checkFloats({ name: op }, { x, ...(weight && { weight }), ...(bias && { bias }) });
  if (!(eps > 0)) throw new OptionError({ op, problem: "eps", expected: "a number above 0", got: `${eps}` });
  checkChannels(op, x, { weight, bias });
  const [n, channels] = x.shape as [number, number];
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
    throw new ShapeError({
      op,
      problem: "groups",
      expected: `a divisor of the ${channels} channels`,
      got: `${groups}`,
      shapes: { x: formatShape(x.shape, "activation") },
    });
  }
  const rows = standardise(reshape(x, [1, n * groups, numel(x.shape) / (n * groups)]), eps);
  return perChannelAffine(reshape(rows, x.shape), weight, bias);
}

/** Refuses x without channels, and values that are not one number a channel. */
export function checkChannels(
  op: string,
  x: Value,
  values: Readonly<Record<string, Value | null | undefined>>,
): void {
  if (x.shape.length < 2) {
    throw new ShapeError({
      op,
      problem: "rank of x",
      expected: "at least 2 ([N, C, ...])",
      got: `${x.shape.length}`,
      shapes: { x: formatShape(x.shape) },
    });
  }
  for (const [name, value] of Object.entries(values)) {
    if (!value || (value.shape.length === 1 && value.shape[0] === x.shape[1])) continue;
    throw new ShapeError({
      op,
      problem: `shape of ${name}`,
      expected: `[${x.shape[1]}] (x's C)`,
      got: formatShape(value.shape),
      shapes: { x: formatShape(x.shape, "activation") },
    });
  }
}

/** x·weight + bias, one number a channel each. */
export function perChannelAffine(x: Value, weight: Value | null, bias: Value | null): Value {
  const shape = [1, x.shape[1]!, ...x.shape.slice(2).map(() => 1)];
  const scaled = weight ? mul(x, reshape(weight, shape)) : x;
  return bias ? add(scaled, reshape(bias, shape)) : scaled;
}
