import { compile } from "../compile.ts";
import { PLAIN } from "../core/layout.ts";
import type { Target } from "../graph/define.ts";
import type { Graph } from "../graph/graph.ts";
import type { Model } from "../nn/model.ts";
import { momentBuffers, type Optimizer } from "../optim/optimizer.ts";
import { plannedBuffers } from "../plan/planned-buffers.ts";
import { StateTable } from "../plan/state-table.ts";

/** Memory of a training step on a device, as its plan says before any of it is made. */
export interface PlannedMemory {
  /** Bytes of every buffer by name. */
  readonly buffers: Readonly<Record<string, number>>;
  /** Bytes of all of them: the peak, since none is made later. */
  readonly peak: number;
  readonly largestBuffer: { readonly name: string; readonly bytes: number };
  /** The largest range that a kernel binds. */
  readonly largestBinding: { readonly name: string; readonly bytes: number };
  readonly limits: { readonly maxBufferSize: number; readonly maxStorageBufferBindingSize: number };
  /** True if every buffer and binding is within the limits. */
  readonly fits: boolean;
  /** Work memory with a buffer for every value, and the least any plan needs. */
  readonly unplannedWork: number;
  readonly leastWork: number;
}

/** Plans a training step for a target and adds up its buffers. */
export function plannedMemory(
  graph: Graph,
  model: Model,
  optimizer: Optimizer,
  target: Target,
): PlannedMemory {
  const states = new StateTable();
  const plan = compile(graph, { target, states });
  for (const state of model.states()) states.place(state, PLAIN);
  const buffers = plannedBuffers([plan], states, momentBuffers(optimizer));
  const largest = (sizes: readonly (readonly [string, number])[]) =>
    sizes.reduce((most, [name, bytes]) => (bytes > most.bytes ? { name, bytes } : most), {
      name: "",
      bytes: 0,
    });
  const bindings = plan.dispatches.flatMap(({ label, path, bindings: all }) =>
    all.map(({ size }) => [path ? `${label} at ${path}` : label, size] as const),
  );
  const { maxBufferSize, maxStorageBufferBindingSize } = target;
  const [largestBuffer, largestBinding] = [largest(Object.entries(buffers)), largest(bindings)];
  return {
    ...{ buffers, largestBuffer, largestBinding },
    peak: Object.values(buffers).reduce((sum, bytes) => sum + bytes, 0),
    limits: { maxBufferSize, maxStorageBufferBindingSize },
    fits: largestBuffer.bytes <= maxBufferSize && largestBinding.bytes <= maxStorageBufferBindingSize,
    unplannedWork: plan.memory.unplanned,
    leastWork: plan.memory.lowerBound,
  };
}
