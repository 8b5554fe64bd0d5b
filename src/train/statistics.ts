import type { HistogramScale } from "../core/histogram.ts";
import { STATISTICS_HEAD } from "../ops/statistics.ts";

/** Statistics of all elements of one tensor at one step. Moments and extremes are those of the finite elements. */
export interface TensorStatistics {
  /** Elements, NaN and infinities included. */
  readonly count: number;
  /** NaN where no element is finite. */
  readonly mean: number;
  /** With n − 1 in the denominator, as torch.std; NaN for fewer than two. */
  readonly std: number;
  readonly min: number;
  readonly max: number;
  /** Euclidean norm, √Σ x². */
  readonly norm: number;
  readonly nan: number;
  readonly inf: number;
  /** Share of elements of at most 0.05, negative ones included: fastai's "near zero". */
  readonly signedBelow005: number;
  /** Share of the bins' count that the first bin holds: the course's "dead chart". */
  readonly firstBinShare: number;
  /** Magnitudes below and above the range of the bins. */
  readonly under: number;
  readonly over: number;
  /** Elements by bin of |x|. */
  readonly bins: Uint32Array;
}

/** Reads the words that the op `statistics` left. */
export function decodeStatistics(bytes: ArrayBuffer, { bins }: HistogramScale): TensorStatistics {
  const words = new Uint32Array(bytes, 0, STATISTICS_HEAD + bins);
  const floats = new Float32Array(bytes);
  const [finite, , , , , near, nan, inf, under, over] = words as unknown as number[];
  const counts = words.slice(STATISTICS_HEAD);
  const any = finite! > 0;
  const [mean, deviations] = [any ? floats[10]! + floats[1]! : Number.NaN, floats[2]!];
  const binned = counts.reduce((sum, n) => sum + n, 0);
  const count = finite! + nan! + inf!;
  return {
    count,
    mean,
    std: finite! > 1 ? Math.sqrt(deviations / (finite! - 1)) : Number.NaN,
    min: any ? floats[3]! : Number.NaN,
    max: any ? floats[4]! : Number.NaN,
    norm: any ? Math.sqrt(deviations + finite! * mean * mean) : Number.NaN,
    nan: nan!,
    inf: inf!,
    signedBelow005: near! / count,
    firstBinShare: binned > 0 ? counts[0]! / binned : Number.NaN,
    under: under!,
    over: over!,
    bins: counts,
  };
}
