import type { HostArray } from "../core/dtype.ts";
import type { PlanOutput, Region, StepPlan } from "../plan/step-plan.ts";
import type { DeviceContext } from "./context.ts";
import { Executable } from "./executable.ts";
import { flatSizes, makePlanBuffers, type PlanBufferOptions } from "./plan-buffers.ts";
import { readRegions } from "./readback.ts";

export type RunOnceOptions = PlanBufferOptions;

/**
 * Runs a plan once on buffers of its own and returns its outputs, and the inputs and flat buffers that it wrote as they
 * are afterwards.
 */
export async function runOnce(context: DeviceContext, plan: StepPlan, options: RunOnceOptions) {
  const buffers = new Map<string, GPUBuffer>();
  try {
    makePlanBuffers(context, plan, options, buffers);
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

function isWritten(plan: StepPlan, buffer: string): boolean {
  return plan.dispatches.some((d) =>
    d.bindings.some((b) => b.buffer === buffer && b.access === "read_write"),
  );
}

/** Bytes of an output as the host array of its dtype, still in physical order. */
export function typedArray(bytes: ArrayBuffer, { dtype }: Pick<PlanOutput, "dtype">): HostArray {
  if (dtype === "f32") return new Float32Array(bytes);
  return dtype === "i32" ? new Int32Array(bytes) : new Uint32Array(bytes);
}
