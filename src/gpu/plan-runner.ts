import type { StepPlan } from "../plan/step-plan.ts";
import type { DeviceContext } from "./context.ts";
import { DispatchTimer } from "./dispatch-timer.ts";
import { Executable } from "./executable.ts";
import { makePlanBuffers, type PlanBufferOptions } from "./plan-buffers.ts";
import { readRegions } from "./readback.ts";

/** Contents of the plan's buffers; zeros where absent. */
export type PlanRunnerOptions = Omit<PlanBufferOptions, "poison">;

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
    const buffers = new Map<string, GPUBuffer>();
    makePlanBuffers(context, plan, options, buffers);
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
