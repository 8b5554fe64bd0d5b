import type { HostArray } from "../core/dtype.ts";
import { DeviceError } from "../core/errors.ts";
import { pack, unpack } from "../core/layout.ts";
import { roundUp } from "../core/shape.ts";
import type { State } from "../graph/value.ts";
import { bufferSize } from "../plan/planned-buffers.ts";
import { formatBytes } from "../plan/print.ts";
import { RECORD_COLUMNS, RECORD_ROWS, type Segment, type StateTable } from "../plan/state-table.ts";
import { PROBE_PREFIX, STEP_BYTES, type StepPlan } from "../plan/step-plan.ts";
import { STEP_ROWS, type StepRow, writeStepRow } from "../plan/step-row.ts";
import type { DeviceContext } from "./context.ts";
import { DispatchTimer } from "./dispatch-timer.ts";
import { Executable } from "./executable.ts";
import { readRegions } from "./readback.ts";
import { type Collected, type NamedRegion, RecordRing } from "./record-ring.ts";
import { typedArray } from "./run-once.ts";

/** One step of a submit: the plan it replays and its row of numbers. */
export interface EncodedStep {
  readonly plan: string;
  readonly row: StepRow;
}

/** Copies of all state buffers at one moment. */
export interface Snapshot {
  readonly buffers: ReadonlyMap<string, GPUBuffer>;
  destroy(): void;
}

/** Keys of buffers that older plans still use. */
const REPLACED = "replaced ";

const STORAGE = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST, whose names exist only where WebGPU does

/** A program's memory and plans on a device. Replaying a step makes nothing, compiles nothing and waits for nothing. */
export class Engine {
  readonly context: DeviceContext;
  readonly states: StateTable;
  readonly #buffers = new Map<string, GPUBuffer>();
  readonly #executables = new Map<string, Executable>();
  readonly #ownBuffers = new Map<string, GPUBuffer[]>();
  readonly #probes = new Map<string, readonly NamedRegion[]>();
  /** Shared buffers that each plan's bind groups name. */
  readonly #uses = new Map<string, ReadonlySet<GPUBuffer>>();
  readonly #moments: readonly string[];
  readonly #rows = new ArrayBuffer(STEP_BYTES * STEP_ROWS);
  #ring: RecordRing | undefined;
  #lost: string | undefined;

  constructor(context: DeviceContext, states: StateTable, moments: readonly string[]) {
    this.context = context;
    this.states = states;
    this.#moments = moments;
    void context.device.lost.then(({ message }) => {
      this.#lost = message || "no reason given";
    });
  }

  /** Bytes of every buffer of the program, as made. */
  bufferBytes(): Record<string, number> {
    const own = [...this.#ownBuffers.values()].flat().reduce((sum, buffer) => sum + buffer.size, 0);
    return {
      ...Object.fromEntries([...this.#buffers].map(([name, buffer]) => [name, buffer.size])),
      constants: own,
      "records, mapped": this.#ring?.bytes ?? 0,
    };
  }

  has(key: string): boolean {
    return this.#executables.has(key);
  }

  plan(key: string): StepPlan | undefined {
    return this.#executables.get(key)?.plan;
  }

  /**
   * Makes a plan ready under a key: its buffers, pipelines and bind groups. `rename` maps the plan's input names to
   * uploaded arrays, so that one plan can run on several data sets.
   * Errors  DeviceError if a buffer is larger than the device allows or memory runs out; ShaderError
   */
  async load(key: string, plan: StepPlan, rename: (name: string) => string = (name) => name): Promise<void> {
    this.checkAlive();
    this.#checkLimits(plan);
    await this.#guarded(`plan ${key}`, () => {
      this.#makeFlats();
      for (const [i, size] of plan.work.entries()) this.#make(`work${i}`, size);
      for (const [name, size] of Object.entries(plan.inputs)) this.#make(`input.${rename(name)}`, size);
      const constants = this.context.createBuffer({
        label: `constants of ${key}`,
        size: Math.max(16, plan.constants.length * 4),
        usage: STORAGE,
      });
      if (plan.constants.length)
        this.context.device.queue.writeBuffer(constants, 0, Uint32Array.from(plan.constants));
      this.#ownBuffers.set(key, [...(this.#ownBuffers.get(key) ?? []), constants]);
    });
    const constants = this.#ownBuffers.get(key)!.at(-1)!;
    const used = new Set<GPUBuffer>();
    const lookup = (name: string) => {
      if (name === "constants") return constants;
      const buffer = this.#buffers.get(name.startsWith("input.") ? `input.${rename(name.slice(6))}` : name)!;
      used.add(buffer);
      return buffer;
    };
    this.#executables.set(key, await Executable.create(this.context, plan, lookup));
    this.#uses.set(key, used);
    this.#probes.delete(key);
    // Found now: a later plan may put a larger buffer in the place of one that this plan is bound to.
    this.#probeRegions(key);
  }

  /** Writes an array into the input buffer of a name, making it when new. */
  upload(name: string, data: HostArray | Uint8Array): void {
    const bytes = roundUp(data.byteLength, 16);
    this.#checkSize(`input ${name}`, bytes);
    const buffer = this.#make(`input.${name}`, bytes);
    const whole = data.byteLength % 4 === 0 ? data : padBytes(data as Uint8Array);
    this.context.device.queue.writeBuffer(buffer, 0, whole as Uint8Array<ArrayBuffer>);
  }

  /** Writes states from logical row-major arrays. */
  writeStates(values: ReadonlyMap<State, HostArray>): void {
    this.#makeFlats();
    for (const [state, data] of values) {
      const segment = this.states.get(state);
      if (segment) this.#writeSegment(segment.buffer, segment, data);
    }
  }

  /** Writes an optimizer's moment of one parameter. */
  writeMoment(moment: string, state: State, data: HostArray): void {
    this.#writeSegment(`optimizer.${moment}`, this.states.get(state)!, data);
  }

  #writeSegment(buffer: string, { offset, physical }: Segment, data: HostArray): void {
    const packed = pack(data, physical) as Float32Array<ArrayBuffer>;
    this.context.device.queue.writeBuffer(this.#buffers.get(buffer)!, offset * 4, packed);
  }

  /** The parameter group of every block of 256 parameters. */
  writeBlocks(groups: Uint32Array<ArrayBuffer>): void {
    this.#makeFlats();
    this.context.device.queue.writeBuffer(this.#buffers.get("blocks")!, 0, groups);
  }

  /** Reads states, or the same segments of another flat buffer ("grads", "optimizer.velocity"), in logical order. */
  async readStates(states: readonly State[], from?: string): Promise<Map<State, HostArray>> {
    const segments = states.map((state) => this.states.get(state)!);
    const regions = segments.map(({ buffer, offset, physical }) => ({
      buffer: this.#buffers.get(from ?? buffer)!,
      offset: offset * 4,
      size: roundUp(physical.size * 4, 4),
    }));
    const data = await readRegions(this.context, regions);
    return new Map(
      segments.map(({ state, physical }, i) => [state, unpack(typedArray(data[i]!, state), physical)]),
    );
  }

  /** Reads an output of a loaded plan after it ran. */
  async readOutput(key: string, name: string): Promise<HostArray> {
    const output = this.plan(key)!.outputs[name]!;
    const buffer = this.#buffers.get(output.buffer)!;
    const [bytes] = await readRegions(this.context, [{ buffer, offset: output.offset, size: output.size }]);
    return unpack(typedArray(bytes!, output), output.physical);
  }

  /** Resolves when another submit may be made: few are in flight, so that a page keeps painting. */
  ready(): Promise<void> {
    return this.#ring!.ready();
  }

  /**
   * Sends steps to the device in one submit. The promise gives their recorded scalars, 16 a step, and the statistics of
   * the last one, if its plan has any; the caller need not wait for it before the next submit.
   */
  submit(steps: readonly EncodedStep[]): Promise<Collected> {
    this.checkAlive();
    const { device } = this.context;
    for (let slot = 0; slot < steps.length; slot++) writeStepRow(this.#rows, slot, steps[slot]!.row);
    device.queue.writeBuffer(this.#buffers.get("step")!, 0, this.#rows, 0, steps.length * STEP_BYTES);
    const encoder = device.createCommandEncoder({ label: "steps" });
    const pass = encoder.beginComputePass({ label: "steps" });
    for (let slot = 0; slot < steps.length; slot++)
      this.#executables.get(steps[slot]!.plan)!.encode(pass, slot);
    pass.end();
    return this.#ring!.collect(encoder, steps.length, this.#probeRegions(steps.at(-1)!.plan));
  }

  /** Runs a plan that records nothing, in a submit of its own. */
  run(key: string, row: StepRow): void {
    this.checkAlive();
    writeStepRow(this.#rows, 0, row);
    this.context.device.queue.writeBuffer(this.#buffers.get("step")!, 0, this.#rows, 0, STEP_BYTES);
    const encoder = this.context.device.createCommandEncoder({ label: key });
    const pass = encoder.beginComputePass({ label: key });
    this.#executables.get(key)!.encode(pass);
    pass.end();
    this.context.submit([encoder.finish()]);
  }

  /** True if a step of this plan brings statistics: it must be the last of its submit. */
  hasProbes(key: string): boolean {
    return this.#probeRegions(key).length > 0;
  }

  #probeRegions(key: string): readonly NamedRegion[] {
    let regions = this.#probes.get(key);
    if (!regions) {
      const outputs = Object.entries(this.#executables.get(key)?.plan.outputs ?? {});
      regions = outputs.flatMap(([name, { buffer, offset, size }]) =>
        name.startsWith(PROBE_PREFIX) ? [{ name, buffer: this.#buffers.get(buffer)!, offset, size }] : [],
      );
      this.#probes.set(key, regions);
    }
    return regions;
  }

  /**
   * Times a loaded plan dispatch by dispatch and as a whole, the least of some runs. The runs are real: states change.
   * Units   nanoseconds
   * Errors  DeviceError where the device has no timestamp-query
   */
  async time(key: string, row: StepRow, runs: number): Promise<{ dispatches: Float64Array; whole: number }> {
    this.checkAlive();
    writeStepRow(this.#rows, 0, row);
    this.context.device.queue.writeBuffer(this.#buffers.get("step")!, 0, this.#rows, 0, STEP_BYTES);
    const timer = new DispatchTimer(this.context, this.#executables.get(key)!);
    try {
      let whole = Number.POSITIVE_INFINITY;
      let dispatches: Float64Array | undefined;
      for (let run = 0; run < runs; run++) {
        whole = Math.min(whole, await timer.whole());
        const times = await timer.dispatches();
        dispatches = dispatches?.map((least, i) => Math.min(least, times[i]!)) ?? times;
      }
      return { dispatches: dispatches!, whole };
    } finally {
      timer.destroy();
    }
  }

  /** Copies all states and optimizer moments on the device. */
  snapshot(): Snapshot {
    const names = ["params", "stats", ...this.#moments.map((moment) => `optimizer.${moment}`)];
    const copies = new Map<string, GPUBuffer>();
    for (const name of names) {
      const size = this.#buffers.get(name)!.size;
      copies.set(name, this.context.createBuffer({ label: `snapshot of ${name}`, size, usage: STORAGE }));
    }
    this.#copyAll(names.map((name) => [this.#buffers.get(name)!, copies.get(name)!]));
    const destroy = () => {
      for (const buffer of copies.values()) buffer.destroy();
    };
    return { buffers: copies, destroy };
  }

  /** Writes a snapshot back. */
  restore(snapshot: Snapshot): void {
    this.#copyAll([...snapshot.buffers].map(([name, copy]) => [copy, this.#buffers.get(name)!]));
  }

  #copyAll(pairs: readonly (readonly [GPUBuffer, GPUBuffer])[]): void {
    const encoder = this.context.device.createCommandEncoder({ label: "snapshot" });
    for (const [from, to] of pairs) encoder.copyBufferToBuffer(from, 0, to, 0, from.size);
    this.context.submit([encoder.finish()]);
  }

  /** Sets flat buffers back to zeros: gradients, or an optimizer's moments. */
  clear(names: readonly string[]): void {
    const encoder = this.context.device.createCommandEncoder({ label: "clear" });
    for (const name of names) encoder.clearBuffer(this.#buffers.get(name)!);
    this.context.submit([encoder.finish()]);
  }

  /** Forgets the plans whose keys do not fit, and frees what only they needed. */
  keepOnly(fits: (key: string) => boolean): void {
    for (const key of [...this.#executables.keys()]) {
      if (fits(key)) continue;
      this.#executables.delete(key);
      this.#uses.delete(key);
      for (const buffer of this.#ownBuffers.get(key) ?? []) buffer.destroy();
      this.#ownBuffers.delete(key);
    }
    const used = new Set([...this.#uses.values()].flatMap((buffers) => [...buffers]));
    for (const [name, buffers] of this.#ownBuffers) {
      if (!name.startsWith(REPLACED)) continue;
      for (const buffer of buffers) if (!used.has(buffer)) buffer.destroy();
      this.#ownBuffers.set(
        name,
        buffers.filter((buffer) => used.has(buffer)),
      );
    }
  }

  /** Frees all memory. */
  dispose(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    for (const buffer of [...this.#ownBuffers.values()].flat()) buffer.destroy();
    this.#ring?.destroy();
    this.#buffers.clear();
    this.#executables.clear();
  }

  /** Errors  DeviceError if the device has been lost */
  checkAlive(): void {
    if (this.#lost === undefined) return;
    throw new DeviceError({
      op: "device",
      problem: `lost: ${this.#lost}`,
      fix: "request a new device and make a new Learner; weights saved with state() load into it",
    });
  }

  #makeFlats(): void {
    if (this.#buffers.has("params")) return;
    this.states.seal();
    this.#make("params", this.states.flatSize("params") * 4);
    this.#make("grads", this.states.flatSize("params") * 4);
    this.#make("stats", this.states.flatSize("stats") * 4);
    this.#make("blocks", this.states.flatSize("blocks") * 4);
    this.#make("records", RECORD_ROWS * RECORD_COLUMNS * 4);
    for (const moment of this.#moments) this.#make(`optimizer.${moment}`, this.states.flatSize("params") * 4);
    const step = this.context.createBuffer({
      label: "step",
      size: STEP_BYTES * STEP_ROWS,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.#buffers.set("step", step);
    this.#ring = new RecordRing(this.context, this.#buffers.get("records")!);
  }

  /** The buffer of a name; a larger one where the old is too small (plans made before keep theirs). */
  #make(name: string, size: number): GPUBuffer {
    const bytes = bufferSize(size);
    const existing = this.#buffers.get(name);
    if (existing && existing.size >= bytes) return existing;
    const buffer = this.context.createBuffer({ label: name, size: bytes, usage: STORAGE });
    if (existing) {
      const key = `${REPLACED}${name}`;
      this.#ownBuffers.set(key, [...(this.#ownBuffers.get(key) ?? []), existing]);
    }
    this.#buffers.set(name, buffer);
    return buffer;
  }

  #checkLimits(plan: StepPlan): void {
    for (const [i, bytes] of plan.work.entries()) this.#checkSize(`work buffer ${i}`, bytes, false);
    for (const [name, bytes] of Object.entries(plan.inputs)) this.#checkSize(`input ${name}`, bytes);
    for (const dispatch of plan.dispatches) {
      for (const binding of dispatch.bindings)
        this.#checkSize(`${dispatch.label} at ${dispatch.path}`, binding.size);
    }
    this.#checkSize("parameters", this.states.flatSize("params") * 4);
  }

  #checkSize(what: string, bytes: number, isBound = true): void {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.context.target;
    const limit = isBound ? Math.min(maxBufferSize, maxStorageBufferBindingSize) : maxBufferSize;
    if (bytes <= limit) return;
    throw new DeviceError({
      op: "memory",
      problem: what,
      expected: `at most ${formatBytes(limit)} (${limit} bytes granted by the device)`,
      got: `${formatBytes(bytes)} (${bytes} bytes needed)`,
      fix: "use a smaller batch or model, or request a device with the adapter's largest limits (requestDevice does)",
    });
  }

  async #guarded(what: string, body: () => void): Promise<void> {
    const { device } = this.context;
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("validation");
    body();
    const errors = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    const error = errors.find(Boolean);
    if (!error) return;
    throw new DeviceError({
      op: "memory",
      problem: `${what}: ${error.message}`,
      fix: "use a smaller batch or model, or close other pages that use the GPU",
    });
  }
}

function padBytes(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(roundUp(data.byteLength, 4));
  padded.set(data);
  return padded;
}
