import { DataError, OptionError } from "../core/errors.ts";
import { binEdges, type HistogramScale } from "../core/histogram.ts";
import { nearest } from "../core/nearest.ts";
import type { ProbeMoment, ProbeResult } from "./probes.ts";
import { FloatColumn } from "./run.ts";
import type { TensorStatistics } from "./statistics.ts";

/** The numbers of a recorded tensor that make a column each. */
export const SERIES = [
  ...["count", "mean", "std", "min", "max", "norm", "nan", "inf"],
  ...["signedBelow005", "firstBinShare", "under", "over"],
] as const as readonly SeriesName[];

export type SeriesName = Exclude<keyof TensorStatistics, "bins">;

/** fastai's color_dim as data: one column of counts for every recorded batch. */
export interface ColorDim {
  readonly bins: number;
  readonly range: readonly [number, number];
  readonly scale: "linear" | "log";
  /** Lower and upper edges of all bins. */
  readonly edges: Float64Array;
  /** Step of every column. */
  readonly steps: Float64Array;
  /** counts[column · bins + bin], the first bin holding the lowest magnitudes: it is drawn at the bottom. */
  readonly counts: Uint32Array;
  /** log1p(counts), what fastai colours by. */
  display(): Float32Array;
}

/** Everything recorded of one layer or parameter, as growing columns. */
class Track {
  readonly kind: string;
  readonly steps: number[] = [];
  readonly columns: Readonly<Record<SeriesName, FloatColumn>>;
  #counts = new Uint32Array(0);

  constructor(kind: string) {
    this.kind = kind;
    this.columns = Object.fromEntries(SERIES.map((name) => [name, new FloatColumn()])) as Track["columns"];
  }

  push(step: number, statistics: TensorStatistics): void {
    const { bins } = statistics;
    const end = this.steps.length * bins.length;
    if (end + bins.length > this.#counts.length) {
      const larger = new Uint32Array(Math.max(32 * bins.length, 2 * this.#counts.length));
      larger.set(this.#counts);
      this.#counts = larger;
    }
    this.#counts.set(bins, end);
    this.steps.push(step);
    for (const name of SERIES) this.columns[name].push(statistics[name]);
  }

  counts(bins: number): Uint32Array {
    return this.#counts.subarray(0, this.steps.length * bins);
  }
}

/** A statistics log as JSON. */
export interface StatisticsJson {
  readonly histogram: HistogramScale;
  readonly layers: Readonly<
    Record<
      string,
      {
        readonly kind: string;
        readonly steps: readonly number[];
        /** Columns; null for what is no finite number. */
        readonly series: Readonly<Record<SeriesName, readonly (number | null)[]>>;
        readonly counts: readonly number[];
      }
    >
  >;
}

/** Statistics by layer over the steps of a run. */
export class StatisticsLog {
  readonly histogram: HistogramScale;
  readonly #tracks = new Map<string, Track>();

  constructor(histogram: HistogramScale) {
    this.histogram = histogram;
  }

  add(results: readonly ProbeResult[], { step }: Pick<ProbeMoment, "step">): void {
    for (const { path, kind, statistics } of results) {
      let track = this.#tracks.get(path);
      if (!track) {
        track = new Track(kind);
        this.#tracks.set(path, track);
      }
      track.push(step, statistics);
    }
  }

  /** Paths recorded so far, in the order of the model. */
  get layers(): string[] {
    return [...this.#tracks.keys()];
  }

  /** Steps at which a layer was recorded. Errors  OptionError for a layer that was not */
  steps(layer: string): Float64Array {
    return Float64Array.from(this.#track(layer).steps);
  }

  /** One statistic of a layer, a number for every recorded step. Errors  OptionError for a layer that was not */
  series(layer: string, name: SeriesName): Float32Array {
    return this.#track(layer).columns[name].values();
  }

  mean(layer: string): Float32Array {
    return this.series(layer, "mean");
  }

  std(layer: string): Float32Array {
    return this.series(layer, "std");
  }

  /** The dead chart: share of the first bin at every recorded step. */
  dead(layer: string): Float32Array {
    return this.series(layer, "firstBinShare");
  }

  /** The matrix of the colourful-dimension chart. Source  fastai callback/hook.py, ActivationStats.color_dim */
  colorDim(layer: string): ColorDim {
    const track = this.#track(layer);
    const { bins, range, scale } = this.histogram;
    const counts = track.counts(bins);
    return {
      ...{ bins, range, scale, counts },
      edges: binEdges(this.histogram),
      steps: Float64Array.from(track.steps),
      display: () => Float32Array.from(counts, Math.log1p),
    };
  }

  toJSON(): StatisticsJson {
    const layers = [...this.#tracks].map(([path, track]) => {
      const series = Object.fromEntries(
        SERIES.map((name) => [
          name,
          [...track.columns[name].values()].map((n) => (Number.isFinite(n) ? n : null)),
        ]),
      ) as Record<SeriesName, (number | null)[]>;
      const counts = [...track.counts(this.histogram.bins)];
      return [path, { kind: track.kind, steps: track.steps, series, counts }] as const;
    });
    return { histogram: this.histogram, layers: Object.fromEntries(layers) };
  }

  /** What `toJSON` gave. Errors  DataError where the columns do not have one length */
  static fromJSON({ histogram, layers }: StatisticsJson): StatisticsLog {
    const log = new StatisticsLog(histogram);
    const { bins } = histogram;
    for (const [path, { kind, steps, series, counts }] of Object.entries(layers)) {
      const wrong = SERIES.find((name) => series[name]?.length !== steps.length);
      if (wrong !== undefined || counts.length !== steps.length * bins) {
        throw new DataError({
          op: "statistics",
          problem: `${wrong ?? "counts"} of ${path}`,
          expected: `${wrong ? steps.length : steps.length * bins} numbers`,
          got: `${wrong ? series[wrong]?.length : counts.length}`,
        });
      }
      const track = new Track(kind);
      steps.forEach((step, column) => {
        const numbers = Object.fromEntries(SERIES.map((name) => [name, series[name][column] ?? Number.NaN]));
        const own = Uint32Array.from(counts.slice(column * bins, (column + 1) * bins));
        track.push(step, { ...numbers, bins: own } as unknown as TensorStatistics);
      });
      log.#tracks.set(path, track);
    }
    return log;
  }

  #track(layer: string): Track {
    const found = this.#tracks.get(layer);
    if (found) return found;
    const near = nearest(layer, this.layers);
    throw new OptionError({
      op: "statistics",
      problem: "layer without records",
      expected: near ? `"${near}"` : this.layers.slice(0, 8).join(", ") || "a fit with this callback first",
      got: `"${layer}"`,
    });
  }
}
