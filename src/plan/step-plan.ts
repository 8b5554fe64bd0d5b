import { BYTES_PER_ELEMENT, type DType } from "../core/dtype.ts";
import type { Physical } from "../core/layout.ts";
import { numel, roundUp } from "../core/shape.ts";
import type { Phase } from "../graph/graph.ts";
import type { Value } from "../graph/value.ts";
import type { Lowered, LoweredDispatch } from "./lower.ts";
import { ALIGNMENT, lifetimes, type MemoryPlan, planMemory, rootOf } from "./memory.ts";
import type { StateTable } from "./state-table.ts";

/** A range of a named buffer: "params", "grads", "stats", "records", "blocks", "optimizer.x", "work0", "input.x", … */
export interface Region {
  readonly buffer: string;
  /** Bytes. */
  readonly offset: number;
  readonly size: number;
}

export interface PlanBinding extends Region {
  readonly group: number;
  readonly binding: number;
  readonly access: "read" | "read_write" | "uniform";
}

/** One dispatch with everything the device needs. */
export interface PlanDispatch {
  readonly label: string;
  readonly path: string;
  readonly phase: Phase;
  /** Index into `pipelines`. */
  readonly pipeline: number;
  readonly bindings: readonly PlanBinding[];
  readonly grid: readonly [number, number, number];
  readonly flops: number;
  /** Bytes read and written if every binding is touched once. */
  readonly bytes: number;
  readonly detail: string;
}

export interface PlanPipeline {
  readonly label: string;
  readonly code: string;
  readonly entryPoint: string;
}

/** A result that can be read back. */
export interface PlanOutput extends Region {
  readonly dtype: DType;
  readonly physical: Physical;
}

/** Outputs whose names start so are statistics, brought to the host with the records of their step. */
export const PROBE_PREFIX = "probe:";

/** A compiled step as plain data: no GPU object, no function; it prints, compares and travels as JSON. */
export interface StepPlan {
  readonly pipelines: readonly PlanPipeline[];
  readonly dispatches: readonly PlanDispatch[];
  /** Bytes of each work buffer. */
  readonly work: readonly number[];
  /** Bytes of each input buffer by name. */
  readonly inputs: Readonly<Record<string, number>>;
  /** Contents of the constants buffer, as 32-bit words. */
  readonly constants: readonly number[];
  readonly outputs: Readonly<Record<string, PlanOutput>>;
  /** Bytes of work memory: as planned, with one buffer per value, and the least that any plan needs. */
  readonly memory: { readonly planned: number; readonly unplanned: number; readonly lowerBound: number };
}

/** Assigns memory to a lowered graph and writes the step plan. */
export function stepPlan(lowered: Lowered, states: StateTable): StepPlan {
  const memory = planMemory(lifetimes(lowered));
  const builder = new PlanBuilder(lowered, states, memory);
  const dispatches = lowered.dispatches.map((dispatch): PlanDispatch => {
    const wanted = dispatch.bindings.map(({ group, binding, access, value }): PlanBinding => {
      if (value === "step") return { group, binding, access, buffer: "step", offset: 0, size: STEP_BYTES };
      return { group, binding, access, ...builder.region(value) };
    });
    const { bindings, code } = sharedBuffers(dispatch, wanted);
    return {
      label: dispatch.label,
      path: dispatch.node.path,
      phase: dispatch.node.phase,
      pipeline: builder.pipeline({ ...dispatch, code }),
      bindings,
      grid: dispatch.grid,
      flops: dispatch.flops,
      bytes: bindings.reduce((sum, b) => sum + (b.buffer === "step" ? 0 : b.size), 0),
      detail: dispatch.detail,
    };
  });
  const outputs = Object.fromEntries(
    Object.entries(lowered.outputs).map(([name, value]): [string, PlanOutput] => [
      name,
      { ...builder.region(value), dtype: value.dtype, physical: lowered.physical.get(value)! },
    ]),
  );
  return {
    pipelines: builder.pipelines,
    dispatches,
    work: memory.buffers,
    inputs: builder.inputs,
    constants: builder.constants,
    outputs,
    memory: {
      planned: memory.buffers.reduce((sum, bytes) => sum + bytes, 0),
      unplanned: memory.unplanned,
      lowerBound: memory.lowerBound,
    },
  };
}

/**
 * A dispatch that reads and writes the same buffer, at disjoint ranges, binds both as read_write: WebGPU refuses one
 * buffer in two usages.
 */
function sharedBuffers(
  { bindings: bound, code }: LoweredDispatch,
  wanted: readonly PlanBinding[],
): { bindings: readonly PlanBinding[]; code: string } {
  const written = new Set(wanted.flatMap(({ access, buffer }) => (access === "read_write" ? [buffer] : [])));
  let text = code;
  const bindings = wanted.map((binding, i) => {
    if (binding.access !== "read" || !written.has(binding.buffer)) return binding;
    const declared = new RegExp(`var\\s*<\\s*storage\\s*,\\s*read\\s*>(\\s*${bound[i]!.name}\\s*:)`);
    text = text.replace(declared, "var<storage, read_write>$1");
    return { ...binding, access: "read_write" as const };
  });
  return { bindings, code: text };
}

/** Bytes of one row of per-step numbers: two header vectors and fifteen parameter groups of two. */
export const STEP_BYTES = 512;

class PlanBuilder {
  readonly pipelines: PlanPipeline[] = [];
  readonly inputs: Record<string, number> = {};
  readonly constants: number[] = [];
  readonly #lowered: Lowered;
  readonly #states: StateTable;
  readonly #memory: MemoryPlan;
  readonly #pipelineIndex = new Map<string, number>();
  readonly #constantOffsets = new Map<Value, number>();
  readonly #gradientOf = new Map<Value, Region>();

  constructor(lowered: Lowered, states: StateTable, memory: MemoryPlan) {
    this.#lowered = lowered;
    this.#states = states;
    this.#memory = memory;
    for (const [state, value] of lowered.gradients) {
      const segment = states.get(state)!;
      const offset = segment.offset * BYTES_PER_ELEMENT;
      this.#gradientOf.set(value, { buffer: "grads", offset, size: bindingBytes(segment.physical.size) });
    }
  }

  /** Equal texts are one pipeline. */
  pipeline({ label, code, entryPoint }: PlanPipeline): number {
    let index = this.#pipelineIndex.get(code);
    if (index === undefined) {
      index = this.pipelines.push({ label, code, entryPoint }) - 1;
      this.#pipelineIndex.set(code, index);
    }
    return index;
  }

  region(value: Value): Region {
    const root = rootOf(value, this.#lowered.aliases);
    const { elementBytes, physical } = this.#lowered;
    const size = bindingBytes(physical.get(value)!.size, elementBytes?.get(root));
    const stored = this.#gradientOf.get(root);
    if (stored) return stored;
    const { source } = root;
    switch (source.kind) {
      case "node": {
        const place = this.#memory.places.get(root)!;
        return { buffer: `work${place.buffer}`, offset: place.offset, size };
      }
      case "state": {
        const segment = this.#states.get(source.state)!;
        return { buffer: segment.buffer, offset: segment.offset * BYTES_PER_ELEMENT, size };
      }
      case "flat":
        return { buffer: source.buffer, offset: 0, size: bindingBytes(this.#states.flatSize(source.buffer)) };
      case "input":
        this.inputs[source.name] = size;
        return { buffer: `input.${source.name}`, offset: 0, size };
      case "constant":
        return { buffer: "constants", offset: this.#constant(root, source.data), size };
    }
  }

  #constant(value: Value, data: number | ArrayLike<number>): number {
    let offset = this.#constantOffsets.get(value);
    if (offset === undefined) {
      const start = this.constants.length;
      const array = typeof data === "number" ? Float32Array.of(data) : (data as Float32Array);
      for (const word of new Uint32Array(array.buffer, array.byteOffset, numel(value.shape)))
        this.constants.push(word);
      while (this.constants.length % (ALIGNMENT / BYTES_PER_ELEMENT) !== 0) this.constants.push(0);
      offset = start * BYTES_PER_ELEMENT;
      this.#constantOffsets.set(value, offset);
    }
    return offset;
  }
}

/** Bytes bound for so many elements: whole vec4s, so that the last vec4 of an odd size can be read. */
function bindingBytes(elements: number, elementBytes = BYTES_PER_ELEMENT): number {
  return roundUp(Math.max(1, elements), 4) * elementBytes;
}
