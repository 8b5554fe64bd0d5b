import { RING_DEPTH } from "../plan/planned-buffers.ts";
import { RECORD_COLUMNS, RECORD_ROWS } from "../plan/state-table.ts";
import type { DeviceContext } from "./context.ts";

/** What a submit brings back. */
export interface Collected {
  /** Recorded scalars, 16 a step. */
  readonly scalars: Float32Array;
  /** Bytes of the statistics of its last step, by output name. */
  readonly probes: Readonly<Record<string, ArrayBuffer>>;
}

/** A range of a buffer by the name it is delivered under. */
export interface NamedRegion {
  readonly name: string;
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** Brings recorded scalars to the host through a ring of mapped buffers, in the order of the submits. */
export class RecordRing {
  readonly #context: DeviceContext;
  readonly #records: GPUBuffer;
  readonly #free: GPUBuffer[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #all = new Set<GPUBuffer>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(context: DeviceContext, records: GPUBuffer) {
    this.#context = context;
    this.#records = records;
    for (let i = 0; i < RING_DEPTH; i++) this.#free.push(this.#make(RECORD_ROWS * RECORD_COLUMNS * 4));
  }

  #make(size: number): GPUBuffer {
    const buffer = this.#context.createBuffer({
      label: "records, mapped",
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    this.#all.add(buffer);
    return buffer;
  }

  /** A free buffer of at least so many bytes; the first that brings statistics is made anew, larger. */
  #take(bytes: number): GPUBuffer {
    const staging = this.#free.pop();
    if (!staging) throw new Error("RecordRing: no free buffer; wait for ready() before a submit");
    if (staging.size >= bytes) return staging;
    this.#all.delete(staging);
    staging.destroy();
    return this.#make(bytes);
  }

  /** Bytes of all buffers of the ring. */
  get bytes(): number {
    return [...this.#all].reduce((sum, buffer) => sum + buffer.size, 0);
  }

  /** Resolves when a buffer of the ring is free. */
  ready(): Promise<void> {
    if (this.#free.length > 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends the encoder with a copy of the first rows and of `extra`, submits it, and gives them when they have arrived. */
  collect(encoder: GPUCommandEncoder, rows: number, extra: readonly NamedRegion[] = []): Promise<Collected> {
    const rowBytes = rows * RECORD_COLUMNS * 4;
    const bytes = extra.reduce((sum, region) => sum + region.size, rowBytes);
    const staging = this.#take(bytes);
    encoder.copyBufferToBuffer(this.#records, 0, staging, 0, rowBytes);
    let end = rowBytes;
    for (const { buffer, offset, size } of extra) {
      encoder.copyBufferToBuffer(buffer, offset, staging, end, size);
      end += size;
    }
    this.#context.submit([encoder.finish()]);
    const mapped = staging.mapAsync(GPUMapMode.READ, 0, bytes);
    const previous = this.#last;
    const result = (async () => {
      await mapped;
      const all = staging.getMappedRange(0, bytes).slice(0);
      staging.unmap();
      this.#free.push(staging);
      this.#waiting.shift()?.();
      await previous;
      return split(all, rowBytes, extra);
    })();
    // A failed submit must not stop the order of the ones after it, nor count as unhandled twice.
    this.#last = result.catch(() => undefined);
    return result;
  }

  destroy(): void {
    for (const buffer of this.#all) buffer.destroy();
  }
}

function split(all: ArrayBuffer, rowBytes: number, extra: readonly NamedRegion[]): Collected {
  let start = rowBytes;
  const probes: Record<string, ArrayBuffer> = {};
  for (const { name, size } of extra) {
    probes[name] = all.slice(start, start + size);
    start += size;
  }
  return { scalars: new Float32Array(all, 0, rowBytes / 4), probes };
}
