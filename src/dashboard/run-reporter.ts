import type { HistogramScale } from "../core/histogram.ts";
import type { Callback, FitContext, StepRecord } from "../train/callback.ts";
import { TrainingVerdict } from "../train/callbacks/training-verdict.ts";
import { histogramScale, type ProbeKind, type ProbeRequest, type ProbeSelector } from "../train/probes.ts";
import type { VerdictKind } from "../train/verdict.ts";
import type { RunMessage, StatisticsKind, StepNumbers } from "./run-data.ts";

export interface RunReporterOptions {
  /** Steps from one record of the activations to the next. Default 1: a crash may take few steps; 0 records none. */
  readonly activationsEvery?: number;
  /** Of gradients and weights. Default 20; 0 records none. */
  readonly parametersEvery?: number;
  /** Layers whose activations are recorded. Default those that the verdict watches: ReLU and its kin. */
  readonly at?: ProbeSelector;
  /** Judge the run. Default true. */
  readonly verdict?: boolean;
}

/** Milliseconds over which steps are gathered into one message. */
const GATHER_MS = 16;
/** Steps before the first verdict. */
const FIRST_VERDICT = 20;

/** A callback that tells what the elements show: `new RunReporter((message) => run.apply(message))`. */
export class RunReporter implements Callback {
  readonly name = "RunReporter";
  readonly order = 90;
  readonly probes: readonly ProbeRequest[];
  readonly #tell: (message: RunMessage) => void;
  readonly #watch: TrainingVerdict | undefined;
  #steps: StepNumbers[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #told: VerdictKind | undefined;

  constructor(tell: (message: RunMessage) => void, options: RunReporterOptions = {}) {
    const { activationsEvery = 1, parametersEvery = 20, verdict = true } = options;
    this.#tell = tell;
    this.#watch = verdict ? new TrainingVerdict({ every: Math.max(1, activationsEvery) }) : undefined;
    const linear = histogramScale({});
    const log = histogramScale({ scale: "log" });
    const watched = this.#watch?.probes.find(({ of }) => of === "activations")?.at;
    const at = options.at ?? watched ?? "*";
    this.probes = [
      ...(activationsEvery > 0 ? [this.#request("activations", at, activationsEvery, linear)] : []),
      ...(parametersEvery > 0
        ? (["gradients", "weights"] as const).map((of) => this.#request(of, "*.weight", parametersEvery, log))
        : []),
      ...(this.#watch?.probes ?? []),
    ];
  }

  #request(
    of: ProbeKind & StatisticsKind,
    at: ProbeSelector,
    every: number,
    histogram: HistogramScale,
  ): ProbeRequest {
    return {
      ...{ of, at, every, histogram, splits: ["train"] },
      receive: (results, { step }) => this.#tell({ type: "statistics", of, histogram, step, results }),
    };
  }

  beforeFit(context: FitContext): void {
    const { epochs, batches, learner } = context;
    const totalSteps = learner.steps + epochs * batches;
    this.#tell({ type: "info", info: { totalSteps, epochs, batchSize: learner.batchSize } });
    this.#watch?.beforeFit(context);
  }

  onRecord(record: StepRecord): void {
    const { step, epoch, loss, lr, momentum } = record;
    this.#watch?.onRecord(record);
    this.#steps.push({ step, epoch, loss, lr, momentum });
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const records = this.#steps;
    if (records.length === 0) return;
    this.#steps = [];
    this.#tell({ type: "steps", records });
    this.#judge(records.at(-1)!.step);
  }

  /** Tells a verdict that has changed. */
  #judge(step: number): void {
    if (!this.#watch || step < FIRST_VERDICT) return;
    const verdict = this.#watch.verdict();
    if (verdict.kind === this.#told) return;
    this.#told = verdict.kind;
    this.#tell({ type: "verdict", step, verdict });
  }

  afterEpoch({ result }: FitContext): void {
    this.#flush();
    if (result) this.#tell({ type: "epoch", record: result });
  }

  afterFit(): void {
    this.#flush();
  }
}
