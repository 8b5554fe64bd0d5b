import { DataError } from "../../core/errors.ts";
import { HYPER_NAMES } from "../../optim/hyper-schedules.ts";
import type { Callback, EpochRecord, FitContext, StepRecord } from "../callback.ts";
import { SmoothedLoss } from "../smoothed-loss.ts";
import { csvTable, readCsvTable } from "./csv.ts";
import { NumberColumn } from "./number-column.ts";

/** A recorder's numbers as JSON: columns by step, rows by epoch. What is no finite number is its name as a string. */
export interface RecorderData {
  readonly steps: Readonly<Record<string, readonly (number | string)[]>>;
  readonly epochs: readonly Readonly<Record<string, number | string>>[];
}

/** Columns of an epoch that are not metrics. */
const EPOCH_NUMBERS = ["epoch", "trainLoss", "validLoss", "seconds"] as const;

/**
 * Keeps every number of a run: by step the loss, the smoothed loss, the metrics of training batches and all
 * hyper-parameters of every parameter group; by epoch losses and metrics. Smoothed as fastai's Recorder does.
 */
export class Recorder implements Callback {
  readonly name = "recorder";
  readonly order = 50;
  readonly epochs: EpochRecord[] = [];
  readonly #columns = new Map<string, NumberColumn>();
  readonly #smoothed = new SmoothedLoss();
  /** Columns in the order in which a record fills them. */
  #filled: NumberColumn[] = [];
  #metrics: readonly string[] = [];
  #groups = 0;

  /** Names of the columns: step, epoch, loss, smoothLoss, lr, momentum, ...; with groups "lr.0", "lr.1", ... too. */
  get columns(): readonly string[] {
    return [...this.#columns.keys()];
  }

  /**
   * One number per step, in step order; a view that later steps may leave behind.
   * Errors  DataError for an unknown name
   */
  column(name: string): Float64Array {
    const found = this.#columns.get(name);
    if (found) return found.values();
    throw new DataError({
      op: "recorder",
      problem: "column",
      expected: this.columns.join(", ") || "none before the first step",
      got: name,
    });
  }

  onRecord({ step, epoch, loss, groups, metrics }: StepRecord): void {
    if (this.#filled.length === 0) this.#makeColumns(groups.length, Object.keys(metrics));
    const columns = this.#filled;
    let next = 0;
    columns[next++]!.push(step);
    columns[next++]!.push(epoch);
    columns[next++]!.push(loss);
    columns[next++]!.push(this.#smoothed.add(loss));
    const last = groups[groups.length - 1]!;
    for (const hyper of HYPER_NAMES) columns[next++]!.push(last[hyper]);
    if (this.#groups > 1) {
      for (const group of groups) for (const hyper of HYPER_NAMES) columns[next++]!.push(group[hyper]);
    }
    for (const name of this.#metrics) columns[next++]!.push(metrics[name]!);
  }

  afterEpoch({ result }: FitContext): void {
    if (result) this.epochs.push(result);
  }

  #makeColumns(groups: number, metrics: readonly string[]): void {
    this.#groups = groups;
    this.#metrics = metrics;
    const byGroup = Array.from({ length: groups }, (_, i) => HYPER_NAMES.map((hyper) => `${hyper}.${i}`));
    const names = [
      ...["step", "epoch", "loss", "smoothLoss", ...HYPER_NAMES],
      ...(groups > 1 ? byGroup.flat() : []),
      ...metrics.map((name) => `train.${name}`),
    ];
    this.#filled = names.map((name) => {
      const column = new NumberColumn();
      this.#columns.set(name, column);
      return column;
    });
  }

  /** For JSON.stringify; `Recorder.fromJSON` reads it. */
  toJSON(): RecorderData {
    const steps = [...this.#columns].map(([name, column]) => [name, [...column.values()].map(encoded)]);
    return { steps: Object.fromEntries(steps), epochs: this.epochs.map(epochRow) };
  }

  /** Comma-separated values: a header, then one line per step or per epoch. */
  toCSV(table: "steps" | "epochs" = "steps"): string {
    const { steps, epochs } = this.toJSON();
    if (table === "steps") return csvTable(Object.keys(steps), Object.values(steps));
    const names = Object.keys(epochs[0] ?? {});
    return csvTable(
      names,
      names.map((name) => epochs.map((row) => row[name]!)),
    );
  }

  /** A recorder with the numbers of another, which goes on where that ended. Errors  DataError for columns of unequal length */
  static fromJSON(data: RecorderData | string): Recorder {
    const { steps, epochs } = (typeof data === "string" ? JSON.parse(data) : data) as RecorderData;
    const recorder = new Recorder();
    const names = Object.keys(steps);
    const groups = names.filter((name) => /^lr\.\d+$/.test(name)).length || 1;
    const metrics = names.filter((name) => name.startsWith("train.")).map((name) => name.slice(6));
    if (names.length > 0) recorder.#makeColumns(groups, metrics);
    const length = steps.loss?.length ?? 0;
    for (const name of recorder.columns) {
      const values = steps[name];
      if (values?.length !== length) {
        throw new DataError({
          op: "recorder",
          problem: `column ${name}`,
          expected: `${length} numbers`,
          got: `${values?.length ?? "none"}`,
        });
      }
      for (const value of values) recorder.#columns.get(name)!.push(Number(value));
    }
    for (const loss of steps.loss ?? []) recorder.#smoothed.add(Number(loss));
    recorder.epochs.push(...epochs.map(epochRecord));
    return recorder;
  }

  /** A recorder from the tables of `toCSV`. Errors  DataError for lines of unequal length */
  static fromCSV(tables: { readonly steps: string; readonly epochs?: string }): Recorder {
    const epochs = readCsvTable(tables.epochs ?? "");
    const count = Object.values(epochs)[0]?.length ?? 0;
    const rows = Array.from({ length: count }, (_, i) =>
      Object.fromEntries(Object.entries(epochs).map(([name, values]) => [name, values[i]!])),
    );
    return Recorder.fromJSON({ steps: readCsvTable(tables.steps), epochs: rows });
  }
}

function encoded(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

function epochRow(record: EpochRecord): Record<string, number | string> {
  const numbers = EPOCH_NUMBERS.map((name) => [name, encoded(record[name])]);
  const metrics = Object.entries(record.metrics).map(([name, value]) => [`valid.${name}`, encoded(value)]);
  return Object.fromEntries([...numbers, ...metrics]);
}

function epochRecord(row: Readonly<Record<string, number | string>>): EpochRecord {
  const metrics = Object.entries(row).filter(([name]) => name.startsWith("valid."));
  return {
    epoch: Number(row.epoch),
    trainLoss: Number(row.trainLoss),
    validLoss: Number(row.validLoss),
    seconds: Number(row.seconds),
    metrics: Object.fromEntries(metrics.map(([name, value]) => [name.slice(6), Number(value)])),
  };
}
