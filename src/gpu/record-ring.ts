import { RECORD_COLUMNS, RECORD_ROWS } from "../plan/state-table.ts";
import type { DeviceContext } from "./context.ts";

/** Submits in flight at most: the next is encoded while the device works on the others. */
const DEPTH = 4;

/** Brings recorded scalars to the host through a ring of mapped buffers, in the order of the submits. */
export class RecordRing {
  readonly #context: DeviceContext;
  readonly #records: GPUBuffer;
  readonly #free: GPUBuffer[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #all: GPUBuffer[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(context: DeviceContext, records: GPUBuffer) {
    this.#context = context;
    this.#records = records;
    for (let i = 0; i < DEPTH; i++) {
      const buffer = context.createBuffer({
        label: `records ${i}`,
        size: RECORD_ROWS * RECORD_COLUMNS * 4,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      });
      this.#free.push(buffer);
      this.#all.push(buffer);
    }
  }

  /** Resolves when a buffer of the ring is free. */
  ready(): Promise<void> {
    if (this.#free.length > 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends the encoder with a copy of the first rows, submits it, and gives the rows when they have arrived. */
  collect(encoder: GPUCommandEncoder, rows: number): Promise<Float32Array> {
    const staging = this.#free.pop();
    if (!staging) throw new Error("RecordRing: no free buffer; wait for ready() before a submit");
    const bytes = rows * RECORD_COLUMNS * 4;
    encoder.copyBufferToBuffer(this.#records, 0, staging, 0, bytes);
    this.#context.submit([encoder.finish()]);
    const mapped = staging.mapAsync(GPUMapMode.READ, 0, bytes);
    const previous = this.#last;
    const result = (async () => {
      await mapped;
      const data = new Float32Array(staging.getMappedRange(0, bytes).slice(0));
      staging.unmap();
      this.#free.push(staging);
      this.#waiting.shift()?.();
      await previous;
      return data;
    })();
    // A failed submit must not stop the order of the ones after it, nor count as unhandled twice.
    this.#last = result.catch(() => undefined);
    return result;
  }

  destroy(): void {
    for (const buffer of this.#all) buffer.destroy();
  }
}
