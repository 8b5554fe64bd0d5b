import type { HistogramScale } from "../core/histogram.ts";
import type { EpochRecord, StepRecord } from "../train/callback.ts";
import type { ProbeResult } from "../train/probes.ts";
import { SmoothedLoss } from "../train/smoothed-loss.ts";
import { type StatisticsJson, StatisticsLog } from "../train/statistics-log.ts";
import type { Summary } from "../train/summary.ts";
import type { Verdict } from "../train/verdict.ts";

/** What is known of a run before its first step. */
export interface RunInfo {
  readonly title?: string;
  /** Optimizer steps of the whole run, where they are known. */
  readonly totalSteps?: number;
  readonly epochs?: number;
  readonly batchSize?: number;
  /** The adapter, in words. */
  readonly adapter?: string;
}

/** Whose statistics. */
export type StatisticsKind = "activations" | "gradients" | "weights";

/** The numbers of a step that charts show. */
export type StepNumbers = Pick<StepRecord, "step" | "epoch" | "loss" | "lr" | "momentum">;

/** A model's summary without its method. */
export type SummaryData = Omit<Summary, "toString">;

/** A verdict and the step at which it was reached. */
export interface VerdictRecord {
  readonly step: number;
  readonly verdict: Verdict;
}

/** Grey images, one byte a pixel. */
export interface SampleImages {
  readonly width: number;
  readonly height: number;
  readonly count: number;
  /** Images in a row. */
  readonly columns: number;
  readonly pixels: Uint8Array;
}

/** What a run tells, as plain data that may come from a worker. */
export type RunMessage =
  | { readonly type: "info"; readonly info: RunInfo }
  | { readonly type: "summary"; readonly summary: SummaryData }
  | { readonly type: "samples"; readonly samples: SampleImages }
  | { readonly type: "steps"; readonly records: readonly StepNumbers[] }
  | { readonly type: "epoch"; readonly record: EpochRecord }
  | { readonly type: "verdict"; readonly step: number; readonly verdict: Verdict }
  | {
      readonly type: "statistics";
      readonly of: StatisticsKind;
      readonly histogram: HistogramScale;
      readonly step: number;
      readonly results: readonly ProbeResult[];
    };

/** Names of the columns that have a number for every step. */
export const STEP_COLUMNS = ["step", "epoch", "loss", "smoothLoss", "lr", "momentum"] as const;
export type StepColumn = (typeof STEP_COLUMNS)[number];

/** Numbers of JSON: what is not finite is written as its name. */
type JsonNumber = number | string;

/** A recorded run; `recorder` has the form of the Recorder's JSON. */
export interface RunJson {
  readonly format: "wgfit run 1";
  readonly info?: RunInfo;
  readonly recorder: {
    readonly steps: Readonly<Record<string, readonly JsonNumber[]>>;
    readonly epochs: readonly Readonly<Record<string, JsonNumber>>[];
  };
  readonly statistics?: Readonly<Partial<Record<StatisticsKind, StatisticsJson>>>;
  readonly summary?: SummaryData;
  readonly verdicts?: readonly VerdictRecord[];
}

let runs = 0;

/** Everything a run has shown so far, for the elements that draw it. */
export class RunData {
  /** Tells the runs of a page apart. */
  readonly id = runs++;
  readonly columns: Readonly<Record<StepColumn, number[]>> = {
    ...{ step: [], epoch: [], loss: [], smoothLoss: [], lr: [], momentum: [] },
  };
  readonly epochs: EpochRecord[] = [];
  /** Steps taken when each epoch ended. */
  readonly epochEnds: number[] = [];
  readonly statistics = new Map<StatisticsKind, StatisticsLog>();
  readonly verdicts: VerdictRecord[] = [];
  info: RunInfo = {};
  summary: SummaryData | undefined;
  /** Some of the training images; not part of the JSON. */
  samples: SampleImages | undefined;
  readonly #smoothed = new SmoothedLoss();
  readonly #listeners = new Set<(message: RunMessage) => void>();

  /** Steps so far. */
  get length(): number {
    return this.columns.step.length;
  }

  /** Takes in what a run tells, and passes it on to those who listen. */
  apply(message: RunMessage): void {
    switch (message.type) {
      case "info":
        this.info = { ...this.info, ...message.info };
        break;
      case "summary":
        this.summary = message.summary;
        break;
      case "samples":
        this.samples = message.samples;
        break;
      case "steps":
        for (const record of message.records) this.#addStep(record);
        break;
      case "epoch":
        this.epochs.push(message.record);
        this.epochEnds.push(this.columns.step.at(-1) ?? 0);
        break;
      case "statistics":
        this.#log(message.of, message.histogram).add(message.results, message);
        break;
      case "verdict":
        this.verdicts.push({ step: message.step, verdict: message.verdict });
        break;
    }
    for (const listener of this.#listeners) listener(message);
  }

  /** Calls `listener` for every message from now on; returns how to stop that. */
  subscribe(listener: (message: RunMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #addStep({ step, epoch, loss, lr, momentum }: StepNumbers): void {
    const { columns } = this;
    columns.step.push(step);
    columns.epoch.push(epoch);
    columns.loss.push(loss);
    columns.smoothLoss.push(this.#smoothed.add(loss));
    columns.lr.push(lr);
    columns.momentum.push(momentum);
  }

  #log(of: StatisticsKind, histogram: HistogramScale): StatisticsLog {
    const found = this.statistics.get(of) ?? new StatisticsLog(histogram);
    this.statistics.set(of, found);
    return found;
  }

  toJSON(): RunJson {
    const { info, summary, verdicts } = this;
    const steps = STEP_COLUMNS.map((name) => [name, this.columns[name].map(encoded)]);
    const statistics = [...this.statistics].map(([of, log]) => [of, log.toJSON()]);
    return {
      format: "wgfit run 1",
      info,
      recorder: { steps: Object.fromEntries(steps), epochs: this.epochs.map(epochRow) },
      statistics: Object.fromEntries(statistics),
      ...(summary && { summary }),
      verdicts,
    };
  }

  /** A run that was recorded, whole. */
  static fromJSON(json: RunJson): RunData {
    const run = new RunData();
    for (const message of runMessages(json)) run.apply(message);
    for (const [of, log] of Object.entries(json.statistics ?? {})) {
      run.statistics.set(of as StatisticsKind, StatisticsLog.fromJSON(log));
    }
    return run;
  }
}

/** What a recorded run told, in its order, without statistics. */
export function* runMessages({ info, summary, recorder, verdicts = [] }: RunJson): Generator<RunMessage> {
  if (info) yield { type: "info", info };
  if (summary) yield { type: "summary", summary };
  const { steps, epochs } = recorder;
  const number = (name: StepColumn, i: number) => Number(steps[name]?.[i] ?? Number.NaN);
  const said = [...verdicts];
  const count = steps.loss?.length ?? 0;
  for (let i = 0; i < count; i++) {
    const step = steps.step ? number("step", i) : i;
    const [epoch, loss] = [steps.epoch ? number("epoch", i) : 0, number("loss", i)];
    const record = { step, epoch, loss, lr: number("lr", i), momentum: number("momentum", i) };
    yield { type: "steps", records: [record] };
    while (said[0] && said[0].step <= step) yield { type: "verdict", ...said.shift()! };
    const isLast = i + 1 === count || (steps.epoch && number("epoch", i + 1) !== epoch);
    const row = isLast ? epochs.find((one) => Number(one.epoch) === epoch) : undefined;
    if (row) yield { type: "epoch", record: epochRecord(row) };
  }
}

function encoded(value: number): JsonNumber {
  return Number.isFinite(value) ? value : String(value);
}

function epochRow({
  epoch,
  trainLoss,
  validLoss,
  seconds,
  metrics,
}: EpochRecord): Record<string, JsonNumber> {
  const numbers = { epoch, trainLoss, validLoss, seconds };
  const own = Object.entries(metrics).map(([name, value]) => [`valid.${name}`, value] as const);
  const all = [...Object.entries(numbers), ...own];
  return Object.fromEntries(all.map(([name, value]) => [name, encoded(value)]));
}

function epochRecord(row: Readonly<Record<string, JsonNumber>>): EpochRecord {
  const metrics = Object.entries(row).filter(([name]) => name.startsWith("valid."));
  return {
    epoch: Number(row.epoch),
    trainLoss: Number(row.trainLoss),
    validLoss: Number(row.validLoss),
    seconds: Number(row.seconds),
    metrics: Object.fromEntries(metrics.map(([name, value]) => [name.slice(6), Number(value)])),
  };
}
