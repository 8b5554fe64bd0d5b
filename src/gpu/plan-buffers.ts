import type { HostArray } from "../core/dtype.ts";
import { roundUp } from "../core/shape.ts";
import { STEP_BYTES, type StepPlan } from "../plan/step-plan.ts";
import { type StepRow, writeStepRow } from "../plan/step-row.ts";
import type { DeviceContext } from "./context.ts";

/** What a plan runs on when its buffers are its own. */
export interface PlanBufferOptions {
  /** Arrays by input name, in logical row-major order. */
  readonly inputs: Readonly<Record<string, HostArray>>;
  readonly row?: StepRow;
  /** Contents of flat buffers by name ("params", "optimizer.velocity", …); zeros, or NaN when poisoned, where absent. */
  readonly flat?: Readonly<Record<string, HostArray>>;
  /** Fill all memory that the run may write with NaN first. Default false. */
  readonly poison?: boolean;
}

/** Bits of a quiet NaN, also an improbable integer. */
const POISON = 0x7fc00000;

/** Makes every buffer that a plan names, into `buffers`; what has been made is there even if a later one fails. */
export function makePlanBuffers(
  context: DeviceContext,
  plan: StepPlan,
  { inputs, row = { step: 0, seed: 0 }, flat = {}, poison = false }: PlanBufferOptions,
  buffers: Map<string, GPUBuffer>,
): void {
  const { queue } = context.device;
  const make = (name: string, size: number, usage: number, data?: ArrayBufferView<ArrayBuffer>) => {
    const bytes = Math.max(size, data?.byteLength ?? 0, 16);
    const buffer = context.createBuffer({ label: name, size: roundUp(bytes, 16), usage });
    buffers.set(name, buffer);
    if (poison && usage & GPUBufferUsage.STORAGE) {
      queue.writeBuffer(buffer, 0, new Uint32Array(buffer.size / 4).fill(POISON));
    }
    if (data?.byteLength) queue.writeBuffer(buffer, 0, data);
  };
  const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const view = (data: HostArray | undefined) =>
    data as (HostArray & ArrayBufferView<ArrayBuffer>) | undefined;
  for (const [i, size] of plan.work.entries()) make(`work${i}`, size, storage);
  for (const [name, size] of Object.entries(plan.inputs))
    make(`input.${name}`, size, storage, view(inputs[name]));
  for (const [name, size] of flatSizes(plan)) make(name, size, storage, view(flat[name]));
  make("constants", plan.constants.length * 4, storage, Uint32Array.from(plan.constants));
  const step = new ArrayBuffer(STEP_BYTES);
  writeStepRow(step, 0, row);
  make("step", STEP_BYTES, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, new Uint8Array(step));
}

/** Bytes of every buffer of the plan that is neither work nor input nor constants: those that outlive a step. */
export function flatSizes(plan: StepPlan): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { bindings } of plan.dispatches) {
    for (const { buffer, offset, size } of bindings) {
      if (/^(work\d+|input\..*|constants|step)$/.test(buffer)) continue;
      sizes.set(buffer, Math.max(sizes.get(buffer) ?? 0, offset + size));
    }
  }
  return sizes;
}
