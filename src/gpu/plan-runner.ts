import type { HostArray } from "../core/dtype.ts";
import { roundUp } from "../core/shape.ts";
import { STEP_BYTES, type StepPlan } from "../plan/step-plan.ts";
import { type StepRow, writeStepRow } from "../plan/step-row.ts";
import type { DeviceContext } from "./context.ts";
import { DispatchTimer } from "./dispatch-timer.ts";
import { Executable } from "./executable.ts";
import { readRegions } from "./readback.ts";

export interface PlanRunnerOptions {
  /** Arrays by input name, in logical row-major order. */
  readonly inputs: Readonly<Record<string, HostArray>>;
  readonly row?: StepRow;
  /** Contents of flat buffers by name ("params", …); zeros where absent. */
  readonly flat?: Readonly<Record<string, HostArray>>;
}

/** A plan on buffers of its own, to be run and timed many times: what bench, tuner and profiler stand on. */
export class PlanRunner {
  readonly plan: StepPlan;
  readonly #context: DeviceContext;
  readonly #executable: Executable;
  readonly #buffers: ReadonlyMap<string, GPUBuffer>;
  #timer: DispatchTimer | undefined;

  private constructor(
    context: DeviceContext,
    executable: Executable,
    buffers: ReadonlyMap<string, GPUBuffer>,
  ) {
    this.plan = executable.plan;
    this.#context = context;
    this.#executable = executable;
    this.#buffers = buffers;
  }

  static async create(
    context: DeviceContext,
    plan: StepPlan,
    options: PlanRunnerOptions,
  ): Promise<PlanRunner> {
    const buffers = makeBuffers(context, plan, options);
    const executable = await Executable.create(context, plan, (name) => buffers.get(name)!);
    return new PlanRunner(context, executable, buffers);
  }

  /** Bytes of all buffers. */
  get bytes(): number {
    return [...this.#buffers.values()].reduce((sum, buffer) => sum + buffer.size, 0);
  }

  /**
   * Runs the plan, or the dispatches of these indices, `times` in one submit and waits until the device has finished.
   * Work that was submitted before is not counted; what a training run beside it submits meanwhile may be, so take the
   * least of several.
   * Units   milliseconds of all runs
   */
  async run(times: number, only?: readonly number[]): Promise<number> {
    const { device } = this.#context;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < times; i++) {
      if (only) for (const index of only) this.#executable.encodeOne(pass, index);
      else this.#executable.encode(pass);
    }
    pass.end();
    const commands = encoder.finish();
    // Waiting comes before submitting: two promises of one queue may be answered together, however far apart the work.
    await device.queue.onSubmittedWorkDone();
    const started = performance.now();
    this.#context.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - started;
  }

  /**
   * Time of every dispatch of one run, by timestamps around a pass of its own.
   * Units   nanoseconds, in the order of the plan's dispatches
   * Errors  DeviceError where the device has no timestamp-query
   */
  profile(): Promise<Float64Array> {
    this.#timer ??= new DispatchTimer(this.#context, this.#executable);
    return this.#timer.dispatches();
  }

  /** Bytes of the plan's outputs as they are now, by name. */
  async outputs(): Promise<Record<string, ArrayBuffer>> {
    const named = Object.entries(this.plan.outputs);
    const data = await readRegions(
      this.#context,
      named.map(([, { buffer, offset, size }]) => ({ buffer: this.#buffers.get(buffer)!, offset, size })),
    );
    return Object.fromEntries(named.map(([name], i) => [name, data[i]!]));
  }

  /** Bytes of a whole buffer as it is now: "params", "records", "work0", "input.x". */
  async read(name: string): Promise<ArrayBuffer> {
    const buffer = this.#buffers.get(name)!;
    const [bytes] = await readRegions(this.#context, [{ buffer, offset: 0, size: buffer.size }]);
    return bytes!;
  }

  destroy(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#timer?.destroy();
  }
}

function makeBuffers(
  context: DeviceContext,
  plan: StepPlan,
  { inputs, row = { step: 0, seed: 0 }, flat = {} }: PlanRunnerOptions,
): Map<string, GPUBuffer> {
  const buffers = new Map<string, GPUBuffer>();
  const make = (name: string, size: number, usage: number, data?: ArrayBufferView<ArrayBuffer>) => {
    const buffer = context.createBuffer({ label: name, size: roundUp(Math.max(size, 16), 16), usage });
    if (data?.byteLength) context.device.queue.writeBuffer(buffer, 0, data);
    buffers.set(name, buffer);
  };
  const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  for (const [i, size] of plan.work.entries()) make(`work${i}`, size, storage);
  for (const [name, size] of Object.entries(plan.inputs))
    make(`input.${name}`, size, storage, inputs[name] as HostArray & ArrayBufferView<ArrayBuffer>);
  make("constants", plan.constants.length * 4, storage, Uint32Array.from(plan.constants));
  for (const [name, size] of flatSizes(plan, buffers))
    make(
      name,
      Math.max(size, flat[name]?.byteLength ?? 0),
      storage,
      flat[name] as HostArray & ArrayBufferView<ArrayBuffer>,
    );
  const step = new ArrayBuffer(STEP_BYTES);
  writeStepRow(step, 0, row);
  make("step", STEP_BYTES, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, new Uint8Array(step));
  return buffers;
}

/** Bytes of every buffer that is bound but not made yet: the flat ones. */
function flatSizes(plan: StepPlan, made: ReadonlyMap<string, GPUBuffer>): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { bindings } of plan.dispatches) {
    for (const { buffer, offset, size } of bindings) {
      if (made.has(buffer) || buffer === "step") continue;
      sizes.set(buffer, Math.max(sizes.get(buffer) ?? 0, offset + size));
    }
  }
  return sizes;
}
