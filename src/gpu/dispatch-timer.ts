import { DeviceError } from "../core/errors.ts";
import type { DeviceContext } from "./context.ts";
import type { Executable } from "./executable.ts";
import { readRegions } from "./readback.ts";

/** Timestamps around the dispatches of a plan, each of which then runs in a pass of its own. */
export class DispatchTimer {
  readonly #context: DeviceContext;
  readonly #executable: Executable;
  readonly #set: GPUQuerySet;
  readonly #resolved: GPUBuffer;

  /** Errors  DeviceError where the device was made without timestamp-query */
  constructor(context: DeviceContext, executable: Executable) {
    if (!context.device.features.has("timestamp-query")) {
      throw new DeviceError({
        op: "profile",
        problem: "timestamps",
        expected: "a device with the feature timestamp-query",
        got: "one without",
        fix: "request the device with requestDevice(), which asks for it where the adapter has it",
      });
    }
    this.#context = context;
    this.#executable = executable;
    const count = 2 * executable.plan.dispatches.length;
    this.#set = context.device.createQuerySet({ type: "timestamp", count });
    this.#resolved = context.createBuffer({
      label: "timestamps",
      size: 8 * count,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
  }

  /** Runs the plan once. Units  nanoseconds by dispatch */
  async dispatches(row = 0): Promise<Float64Array> {
    const count = this.#executable.plan.dispatches.length;
    const encoder = this.#context.device.createCommandEncoder({ label: "profile" });
    for (let i = 0; i < count; i++) {
      const pass = encoder.beginComputePass({ timestampWrites: this.#writes(i) });
      this.#executable.encodeOne(pass, i, row);
      pass.end();
    }
    const stamps = await this.#resolve(encoder, count);
    return Float64Array.from({ length: count }, (_, i) => Number(stamps[2 * i + 1]! - stamps[2 * i]!));
  }

  /** Runs the plan once as training does, in one pass. Units  nanoseconds */
  async whole(row = 0): Promise<number> {
    const encoder = this.#context.device.createCommandEncoder({ label: "profile" });
    const pass = encoder.beginComputePass({ timestampWrites: this.#writes(0) });
    this.#executable.encode(pass, row);
    pass.end();
    const [begin, end] = await this.#resolve(encoder, 1);
    return Number(end! - begin!);
  }

  #writes(pass: number): GPUComputePassTimestampWrites {
    return {
      querySet: this.#set,
      beginningOfPassWriteIndex: 2 * pass,
      endOfPassWriteIndex: 2 * pass + 1,
    };
  }

  async #resolve(encoder: GPUCommandEncoder, passes: number): Promise<BigInt64Array> {
    encoder.resolveQuerySet(this.#set, 0, 2 * passes, this.#resolved, 0);
    this.#context.submit([encoder.finish()]);
    const region = { buffer: this.#resolved, offset: 0, size: 16 * passes };
    const [bytes] = await readRegions(this.#context, [region]);
    return new BigInt64Array(bytes!);
  }

  destroy(): void {
    this.#set.destroy();
    this.#resolved.destroy();
  }
}
