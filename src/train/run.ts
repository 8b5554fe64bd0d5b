import type { EpochRecord, StepRecord } from "./callback.ts";
import type { TuningRecord } from "./tuning.ts";

/** A growing column of numbers. */
export class FloatColumn {
  #data = new Float32Array(256);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#data.length) {
      const larger = new Float32Array(this.#data.length * 2);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.#length++] = value;
  }

  get length(): number {
    return this.#length;
  }

  /** The numbers so far; a view that later pushes may leave behind. */
  values(): Float32Array {
    return this.#data.subarray(0, this.#length);
  }
}

/** Everything a run has shown so far: columns by step, one record per epoch. Plain data for charts and files. */
export class RunLog {
  readonly loss = new FloatColumn();
  readonly lr = new FloatColumn();
  readonly momentum = new FloatColumn();
  readonly epochs: EpochRecord[] = [];
  /** Which kernels computed the run, from which step on; empty where all were the defaults. */
  readonly tuning: TuningRecord[] = [];
  readonly #listeners = new Set<(event: RunEvent) => void>();

  addStep(record: StepRecord): void {
    this.loss.push(record.loss);
    this.lr.push(record.lr);
    this.momentum.push(record.momentum);
    this.#emit({ type: "step", record });
  }

  addEpoch(record: EpochRecord): void {
    this.epochs.push(record);
    this.#emit({ type: "epoch", record });
  }

  addTuning(record: TuningRecord): void {
    this.tuning.push(record);
    this.#emit({ type: "tuning", record });
  }

  /** Calls `listener` for every new record; returns how to stop that. */
  subscribe(listener: (event: RunEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #emit(event: RunEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

export type RunEvent =
  | { readonly type: "step"; readonly record: StepRecord }
  | { readonly type: "epoch"; readonly record: EpochRecord }
  | { readonly type: "tuning"; readonly record: TuningRecord };
