import combineWgsl from "../../shaders/statistics_combine.wgsl?raw";
import partialWgsl from "../../shaders/statistics_partial.wgsl?raw";
import { OptionError } from "../core/errors.ts";
import { binsPerUnit, type HistogramScale, histogramOrigin } from "../core/histogram.ts";
import type { Physical } from "../core/layout.ts";
import { ceilDiv, numel } from "../core/shape.ts";
import { checkFloats, defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

/** Words before the bins: finite, mean − shift, M2, least, largest, near zero, NaN, Inf, under, over, shift. */
export const STATISTICS_HEAD = 11;
/** "Near zero" as fastai means it: values of at most this. */
export const NEAR_ZERO = 0.05;
/** Vec4s of a part at least: below, its bins cost more than its values. */
const LEAST_PART = 128;
/** Parts at most: one thread combines them. */
const MOST_PARTS = 512;

interface PartAttrs {
  readonly scale: HistogramScale;
  readonly parts: number;
}

const partial = defineOp<"x", "partials", PartAttrs>({
  name: "statistics_partial",
  inputs: ["x"],
  outputs: ["partials"],
  shape: (_, { scale, parts }) => ({ partials: [parts, STATISTICS_HEAD + scale.bins] }),
  dtypes: { partials: "u32" },
  lowerings: [
    {
      name: "statistics_partial",
      wgsl: partialWgsl,
      layouts: { x: "any" },
      launch: ({ physical, attrs: { scale, parts } }) => ({
        grid: [ceilDiv(parts, 32)],
        const: {
          COUNT: ceilDiv(physical.x.size, 4),
          PARTS: parts,
          WORDS: STATISTICS_HEAD + scale.bins,
          NEAR_ZERO,
          ...binConsts(scale),
          ...paddingConsts(physical.x),
        },
        ...(scale.scale === "log" && { hook: { place: "return log2(a);" } }),
      }),
    },
  ],
  gradient: { none: "statistics are no part of the loss" },
});

function binConsts(scale: HistogramScale) {
  const [low, high] = scale.range;
  return {
    BINS: scale.bins,
    LOW: low,
    HIGH: high,
    ORIGIN: histogramOrigin(scale),
    SCALE: binsPerUnit(scale),
  };
}

/** Padding lies at the ends of the two innermost axes of a padded layout, and after the last element of any. */
function paddingConsts({ layout, dims, shape, size }: Physical) {
  const rank = dims.length;
  if (!layout.order || rank < 2) {
    return { PADDED: size % 4 !== 0, INNER: 4 * ceilDiv(size, 4), INNER_TRUE: size, OUTER: 1, OUTER_TRUE: 1 };
  }
  const [outer, inner] = [rank - 2, rank - 1] as const;
  const [outerTrue, innerTrue] = [shape[layout.order[outer]!]!, shape[layout.order[inner]!]!];
  return {
    PADDED: dims[inner] !== innerTrue || dims[outer] !== outerTrue,
    INNER: dims[inner]!,
    INNER_TRUE: innerTrue,
    OUTER: dims[outer]!,
    OUTER_TRUE: outerTrue,
  };
}

const combine = defineOp<"partials", "y", { readonly words: number }>({
  name: "statistics_combine",
  inputs: ["partials"],
  outputs: ["y"],
  shape: (_, { words }) => ({ y: [words] }),
  dtypes: { y: "u32" },
  lowerings: [
    {
      name: "statistics_combine",
      wgsl: combineWgsl,
      launch: ({ shape: { partials } }) => ({
        grid: [1],
        const: { PARTS: partials[0]!, WORDS: partials[1]! },
      }),
    },
  ],
  gradient: { none: "statistics are no part of the loss" },
});

/**
 * Statistics of all elements: count, mean, Σ (x − mean)², extremes, values of at most 0.05, NaN, infinities, and a
 * histogram of |x|. The words of y are read by `decodeStatistics`; counts are exact, sums in a fixed order.
 * Shapes  x any; y u32 [11 + bins]
 * Errors  ShapeError if x is not f32; OptionError for a scale that has no bins
 */
export function statistics(x: Value, scale: HistogramScale): Value {
  checkFloats({ name: "statistics" }, { x });
  const [low, high] = scale.range;
  const least = scale.scale === "log" ? Number.MIN_VALUE : 0;
  if (
    !(low >= least && high > low && Number.isInteger(scale.bins) && scale.bins >= 1 && scale.bins <= 1024)
  ) {
    throw new OptionError({
      op: "statistics",
      problem: "bins of the histogram",
      expected: "1 to 1024 bins over [low, high] of |x|, low from 0, and above 0 on a logarithmic scale",
      got: `${scale.bins} over [${low}, ${high}], ${scale.scale}`,
    });
  }
  const parts = Math.min(MOST_PARTS, Math.max(1, Math.floor(numel(x.shape) / (4 * LEAST_PART))));
  const { partials } = partial({ x }, { scale, parts });
  return combine({ partials }, { words: STATISTICS_HEAD + scale.bins }).y;
}
