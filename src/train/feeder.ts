import type { EncodedStep, Engine } from "../gpu/engine.ts";
import type { Collected } from "../gpu/record-ring.ts";
import { RECORD_COLUMNS } from "../plan/state-table.ts";
import { STEP_ROWS, type StepRow } from "../plan/step-row.ts";

/** Time a submit should take on the device, in milliseconds: long enough to hide its cost, short enough to paint. */
const SUBMIT_MS = 75;

/** Scalars of a step, by column of its record, and the words of its statistics by output name. */
export type OnRow = (scalars: Float32Array, probes: Readonly<Record<string, ArrayBuffer>>) => void;

/**
 * Collects steps into submits of 50 to 100 ms and delivers their records in step order. Nothing here waits for the
 * device but for a free place in the ring.
 */
export class Feeder {
  readonly #engine: Engine;
  readonly #pending: { step: EncodedStep; onRow: OnRow | undefined }[] = [];
  #outstanding: Promise<void> = Promise.resolve();
  #perSubmit = 1;
  #lastArrival = 0;
  #failure: unknown;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Adds a step; sends what has gathered when it is enough for a submit. */
  async add(plan: string, row: StepRow, onRow?: OnRow): Promise<void> {
    this.#pending.push({ step: { plan, row: { ...row, recordRow: this.#pending.length } }, onRow });
    // The statistics of a step are copied when its submit ends, before the next step writes over them.
    const isProbed = onRow !== undefined && this.#engine.hasProbes(plan);
    if (isProbed || this.#pending.length >= this.#perSubmit) await this.flush();
  }

  /** Sends what has gathered. Errors  what an earlier submit failed with */
  async flush(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#pending.length === 0) return;
    await this.#engine.ready();
    const steps = this.#pending.splice(0);
    const records = this.#engine.submit(steps.map(({ step }) => step));
    this.#outstanding = Promise.all([this.#outstanding, records]).then(
      ([, data]) => this.#deliver(steps, data),
      (error: unknown) => {
        this.#failure ??= error;
      },
    );
  }

  #deliver(steps: readonly { onRow: OnRow | undefined }[], { scalars, probes }: Collected): void {
    const now = performance.now();
    if (this.#lastArrival > 0) this.#adapt((now - this.#lastArrival) / steps.length);
    this.#lastArrival = now;
    try {
      steps.forEach(({ onRow }, i) => {
        const own = i === steps.length - 1 ? probes : {};
        onRow?.(scalars.subarray(i * RECORD_COLUMNS, (i + 1) * RECORD_COLUMNS), own);
      });
    } catch (error) {
      this.#failure ??= error;
    }
  }

  /** Steps per submit from the time a step took; at most doubled at a time. */
  #adapt(msPerStep: number): void {
    const wanted = Math.floor(SUBMIT_MS / Math.max(msPerStep, 0.1));
    this.#perSubmit = Math.max(1, Math.min(wanted, this.#perSubmit * 2, STEP_ROWS));
  }

  /** Sends what has gathered and waits until every record has been delivered. */
  async drain(): Promise<void> {
    await this.flush();
    await this.#outstanding;
    this.#lastArrival = 0;
    if (this.#failure) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
  }
}
