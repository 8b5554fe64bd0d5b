import { OptionError } from "../../core/errors.ts";
import { binEdges, type HistogramScale } from "../../core/histogram.ts";
import { knownOptions } from "../../core/known-options.ts";
import {
  type EventHistogram,
  type EventValue,
  eventRecord,
  versionRecord,
} from "../../tensorboard/events.ts";
import type { Callback, FitContext, StepRecord } from "../callback.ts";
import {
  histogramScale,
  type ProbeMoment,
  type ProbeRequest,
  type ProbeResult,
  type ProbeSelector,
} from "../probes.ts";
import type { TensorStatistics } from "../statistics.ts";

export interface TensorBoardOptions {
  /** Gets the file piece by piece, in order; a promise is waited for before the next piece. */
  write(chunk: Uint8Array<ArrayBuffer>): void | Promise<void>;
  /** Steps from one point of the scalars to the next. Default 1. */
  readonly every?: number;
  /** Steps from one histogram to the next; 0: none. Default 50 (TensorBoard keeps 500 a tag). */
  readonly histogramsEvery?: number;
  /** Layers whose outputs get histograms; default all without inner ones. */
  readonly activations?: ProbeSelector;
  /** Facts of the run beside its hyper-parameters, as a table in the text tab. */
  readonly text?: Readonly<Record<string, string | number>>;
}

/** Milliseconds after which what has gathered is written: the file is readable while training. */
const FLUSH_MS = 1000;

/**
 * Writes a TensorBoard event file as training goes: train/loss, hp/lr, hp/momentum by step; valid/loss and metrics by
 * epoch; histograms of |x| under acts/, grads/ and weights/ with near-zero shares; hyper-parameters as text.
 */
export class TensorBoard implements Callback {
  readonly name = "TensorBoard";
  readonly order = 60;
  readonly probes: readonly ProbeRequest[];
  readonly #options: TensorBoardOptions;
  readonly #every: number;
  #pending: Uint8Array[] = [];
  #lastWrite = 0;
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;
  #hasVersion = false;

  /** Errors  OptionError */
  constructor(options: TensorBoardOptions) {
    knownOptions("TensorBoard", options, {
      ...{ write: true, every: true, histogramsEvery: true, activations: true, text: true },
    });
    const { every = 1, histogramsEvery = 50, activations = "*" } = options;
    checkCount("every", every, 1);
    checkCount("histogramsEvery", histogramsEvery, 0);
    this.#options = options;
    this.#every = every;
    const request = (
      of: ProbeRequest["of"],
      at: ProbeSelector,
      prefix: string,
      histogram: HistogramScale,
    ): ProbeRequest => ({
      ...{ of, at, histogram, every: histogramsEvery, splits: ["train"] },
      receive: (results, moment) => this.#addHistograms(prefix, results, moment, histogram),
    });
    const linear = histogramScale({});
    const log = histogramScale({ scale: "log" });
    this.probes =
      histogramsEvery === 0
        ? []
        : [
            request("activations", activations, "acts", linear),
            request("gradients", "*", "grads", log),
            request("weights", "*", "weights", log),
          ];
  }

  beforeFit({ learner, epochs, batches, lr, momentum }: FitContext): void {
    const { optimizer, batchSize, options, model } = learner;
    const { kind, weightDecay, nesterov, beta2, eps } = optimizer;
    this.#addText("hyper-parameters", learner.steps, {
      ...{ epochs, "batch size": batchSize, "batches of an epoch": batches, seed: options.seed },
      ...{ optimizer: kind, "first lr": lr, "first momentum": momentum, "weight decay": weightDecay },
      ...(kind === "sgd" ? { nesterov: `${nesterov}` } : { beta2, eps }),
      ...{ parameters: model.parameterCount(), ...this.#options.text },
    });
    this.#flush();
  }

  onRecord({ step, loss, lr, momentum, metrics }: StepRecord): void {
    if (step % this.#every !== 0) return;
    const measured = Object.entries(metrics).map(([name, value]) => ({
      tag: `train/${name}`,
      scalar: value,
    }));
    this.#add(step, [
      { tag: "train/loss", scalar: loss },
      { tag: "hp/lr", scalar: lr },
      { tag: "hp/momentum", scalar: momentum },
      ...measured,
    ]);
  }

  async afterEpoch({ learner, result }: FitContext): Promise<void> {
    if (result && learner.options.data.valid) {
      const metrics = Object.entries(result.metrics);
      this.#add(learner.steps, [
        { tag: "valid/loss", scalar: result.validLoss },
        ...metrics.map(([name, value]) => ({ tag: `valid/${name}`, scalar: value })),
      ]);
    }
    await this.#settle();
  }

  async afterFit(): Promise<void> {
    await this.#settle();
  }

  #addHistograms(
    prefix: string,
    results: readonly ProbeResult[],
    { step }: ProbeMoment,
    scale: HistogramScale,
  ): void {
    const values = results.flatMap(({ path, statistics }): EventValue[] => [
      { tag: `${prefix}/${path}`, histogram: eventHistogram(statistics, scale) },
      ...(prefix === "acts"
        ? [{ tag: `acts_near_zero/${path}`, scalar: statistics.signedBelow005 }]
        : [{ tag: `${prefix}_norm/${path}`, scalar: statistics.norm }]),
    ]);
    this.#add(step, values);
  }

  #addText(tag: string, step: number, table: Readonly<Record<string, string | number>>): void {
    const lines = Object.entries(table).map(([name, value]) => `| ${name} | ${value} |`);
    this.#add(step, [{ tag, text: ["| | |", "|---|---|", ...lines].join("\n") }]);
  }

  #add(step: number, values: readonly EventValue[]): void {
    const now = Date.now() / 1000;
    if (!this.#hasVersion) this.#pending.push(versionRecord(now));
    this.#hasVersion = true;
    this.#pending.push(eventRecord(now, step, values));
    if (performance.now() - this.#lastWrite >= FLUSH_MS) this.#flush();
  }

  /** Hands over what has gathered, after what was handed over before. */
  #flush(): void {
    const chunk = joined(this.#pending);
    this.#pending = [];
    this.#lastWrite = performance.now();
    this.#writing = this.#writing
      .then(() => this.#options.write(chunk))
      .catch((error: unknown) => {
        this.#failure ??= error;
      });
  }

  /** Waits until all is written. Errors  what `write` failed with */
  async #settle(): Promise<void> {
    if (this.#pending.length > 0) this.#flush();
    await this.#writing;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure;
  }
}

/** The histogram of |x| with what lies outside its range in buckets of its own; the sums are those of x. */
export function eventHistogram(statistics: TensorStatistics, scale: HistogramScale): EventHistogram {
  const { min, max, mean, norm, count, nan, inf, under, over, bins } = statistics;
  const edges = binEdges(scale);
  const largest = Number.isFinite(max) ? Math.max(Math.abs(min), Math.abs(max)) : 0;
  const least = min <= 0 && max >= 0 ? 0 : Math.min(Math.abs(min), Math.abs(max));
  const [low, high] = [edges[0]!, edges.at(-1)!];
  const hasUnder = low > 0;
  const finite = count - nan - inf;
  return {
    min: Number.isFinite(least) ? least : 0,
    max: largest,
    sum: finite > 0 ? mean * finite : 0,
    sumOfSquares: finite > 0 ? norm * norm : 0,
    limits: [
      ...(hasUnder ? [low] : []),
      ...edges.slice(1),
      ...(over > 0 ? [Math.max(largest, 2 * high)] : []),
    ],
    counts: [...(hasUnder ? [under] : []), ...bins, ...(over > 0 ? [over] : [])],
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function checkCount(problem: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new OptionError({
    op: "TensorBoard",
    problem,
    expected: `a whole number of at least ${least}`,
    got: `${value}`,
  });
}
