import type { HostArray } from "../core/dtype.ts";
import { roundUp } from "../core/shape.ts";
import { type PlanOutput, type Region, STEP_BYTES, type StepPlan } from "../plan/step-plan.ts";
import { type StepRow, writeStepRow } from "../plan/step-row.ts";
import type { DeviceContext } from "./context.ts";
import { Executable } from "./executable.ts";
import { readRegions } from "./readback.ts";

export interface RunOnceOptions {
  /** Arrays by input name, in logical row-major order. */
  readonly inputs: Readonly<Record<string, HostArray>>;
  readonly row: StepRow;
  /** Contents of flat buffers by name ("params", "optimizer.velocity", …); zeros, or NaN when poisoned, where absent. */
  readonly flat?: Readonly<Record<string, HostArray>>;
  /** Fill all memory that the run may write with NaN first. */
  readonly poison: boolean;
}

/** Bits of a quiet NaN, also an improbable integer. */
const POISON = 0x7fc00000;

/**
 * Runs a plan once on buffers of its own and returns its outputs, and the inputs and flat buffers that it wrote as they
 * are afterwards.
 */
export async function runOnce(context: DeviceContext, plan: StepPlan, options: RunOnceOptions) {
  const buffers = new Map<string, GPUBuffer>();
  try {
    makeBuffers(context, plan, options, buffers);
    const executable = await Executable.create(context, plan, (name) => buffers.get(name)!);
    const encoder = context.device.createCommandEncoder({ label: "evaluate" });
    const pass = encoder.beginComputePass();
    executable.encode(pass);
    pass.end();
    context.submit([encoder.finish()]);
    const read = async (regions: Readonly<Record<string, Region>>) => {
      const places = Object.values(regions).map(({ buffer, ...range }) => ({
        buffer: buffers.get(buffer)!,
        ...range,
      }));
      const data = await readRegions(context, places);
      return Object.fromEntries(Object.keys(regions).map((name, i) => [name, data[i]!]));
    };
    const inputs = Object.entries(plan.inputs).map(
      ([name, size]) => [name, whole(`input.${name}`, size)] as const,
    );
    const flat = [...flatSizes(plan)].map(([name, size]) => [name, whole(name, size)] as const);
    const written = (all: readonly (readonly [string, Region])[]) =>
      Object.fromEntries(all.filter(([, { buffer }]) => isWritten(plan, buffer)));
    return {
      outputs: await read(plan.outputs),
      written: await read(written(inputs)),
      flat: await read(written(flat)),
    };
  } finally {
    for (const buffer of buffers.values()) buffer.destroy();
  }
}

function whole(buffer: string, size: number): Region {
  return { buffer, offset: 0, size };
}

/** Bytes of every buffer of the plan that is neither work nor input nor constants: those that outlive a step. */
function flatSizes(plan: StepPlan): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { bindings } of plan.dispatches) {
    for (const { buffer, offset, size } of bindings) {
      if (/^(work\d+|input\..*|constants|step)$/.test(buffer)) continue;
      sizes.set(buffer, Math.max(sizes.get(buffer) ?? 0, offset + size));
    }
  }
  return sizes;
}

function isWritten(plan: StepPlan, buffer: string): boolean {
  return plan.dispatches.some((d) =>
    d.bindings.some((b) => b.buffer === buffer && b.access === "read_write"),
  );
}

function makeBuffers(
  context: DeviceContext,
  plan: StepPlan,
  { inputs, row, flat = {}, poison }: RunOnceOptions,
  buffers: Map<string, GPUBuffer>,
): void {
  const make = (name: string, size: number, usage: number, data?: ArrayBufferView<ArrayBuffer>) => {
    const buffer = context.createBuffer({ label: name, size: roundUp(Math.max(size, 16), 16), usage });
    if (poison && usage & GPUBufferUsage.STORAGE) {
      context.device.queue.writeBuffer(buffer, 0, new Uint32Array(buffer.size / 4).fill(POISON));
    }
    if (data?.byteLength) context.device.queue.writeBuffer(buffer, 0, data);
    buffers.set(name, buffer);
  };
  const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  for (const [i, size] of plan.work.entries()) make(`work${i}`, size, storage);
  for (const [name, size] of Object.entries(plan.inputs)) {
    make(`input.${name}`, size, storage, inputs[name] as HostArray & ArrayBufferView<ArrayBuffer>);
  }
  for (const [name, size] of flatSizes(plan)) {
    make(name, size, storage, flat[name] as HostArray & ArrayBufferView<ArrayBuffer>);
  }
  make("constants", plan.constants.length * 4, storage, Uint32Array.from(plan.constants));
  const step = new ArrayBuffer(STEP_BYTES);
  writeStepRow(step, 0, row);
  make("step", STEP_BYTES, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, new Uint8Array(step));
}

/** Bytes of an output as the host array of its dtype, still in physical order. */
export function typedArray(bytes: ArrayBuffer, { dtype }: Pick<PlanOutput, "dtype">): HostArray {
  if (dtype === "f32") return new Float32Array(bytes);
  return dtype === "i32" ? new Int32Array(bytes) : new Uint32Array(bytes);
}
