import type { PlanBinding, PlanDispatch, StepPlan } from "../plan/step-plan.ts";
import { STEP_BYTES } from "../plan/step-plan.ts";
import type { DeviceContext } from "./context.ts";

/** Finds the GPU buffer behind a name of the plan. */
export type BufferLookup = (name: string) => GPUBuffer;

interface Command {
  readonly pipeline: GPUComputePipeline;
  readonly groups: readonly GPUBindGroup[];
  /** Index of the group that holds the step row; −1 for most. */
  readonly stepGroup: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** A step plan made ready on a device: replaying it only encodes. */
export class Executable {
  readonly plan: StepPlan;
  readonly #commands: readonly Command[];
  readonly #stepOffset = new Uint32Array(1);

  private constructor(plan: StepPlan, commands: readonly Command[]) {
    this.plan = plan;
    this.#commands = commands;
  }

  /** Compiles all pipelines in parallel and makes all bind groups. */
  static async create(context: DeviceContext, plan: StepPlan, lookup: BufferLookup): Promise<Executable> {
    const layouts = new Map<number, GPUBindGroupLayout[]>();
    for (const dispatch of plan.dispatches) {
      if (!layouts.has(dispatch.pipeline)) layouts.set(dispatch.pipeline, groupLayouts(context, dispatch));
    }
    const pipelines = await Promise.all(
      plan.pipelines.map((source, index) => context.pipeline(source, layouts.get(index)!)),
    );
    const commands = plan.dispatches.map((dispatch): Command => {
      const groups = layouts.get(dispatch.pipeline)!.map((layout, group) =>
        context.createBindGroup({
          label: `${dispatch.label}#${dispatch.path}`,
          layout,
          entries: dispatch.bindings
            .filter((binding) => binding.group === group)
            .map((binding) => ({
              binding: binding.binding,
              resource: { buffer: lookup(binding.buffer), offset: binding.offset, size: binding.size },
            })),
        }),
      );
      const stepGroup = dispatch.bindings.find((binding) => binding.access === "uniform")?.group ?? -1;
      const [x, y, z] = dispatch.grid;
      return { pipeline: pipelines[dispatch.pipeline]!, groups, stepGroup, x, y, z };
    });
    return new Executable(plan, commands);
  }

  /** Encodes the step into a pass; `row` selects the row of per-step numbers. */
  encode(pass: GPUComputePassEncoder, row = 0): void {
    for (let i = 0; i < this.#commands.length; i++) this.encodeOne(pass, i, row);
  }

  /** Encodes one dispatch of the plan, by its index. */
  encodeOne(pass: GPUComputePassEncoder, index: number, row = 0): void {
    const command = this.#commands[index]!;
    this.#stepOffset[0] = row * STEP_BYTES;
    pass.setPipeline(command.pipeline);
    for (let group = 0; group < command.groups.length; group++) {
      if (group === command.stepGroup)
        pass.setBindGroup(group, command.groups[group]!, this.#stepOffset, 0, 1);
      else pass.setBindGroup(group, command.groups[group]!);
    }
    pass.dispatchWorkgroups(command.x, command.y, command.z);
  }
}

function groupLayouts(context: DeviceContext, dispatch: PlanDispatch): GPUBindGroupLayout[] {
  const last = Math.max(...dispatch.bindings.map((binding: PlanBinding) => binding.group));
  return Array.from({ length: last + 1 }, (_, group) =>
    context.bindGroupLayout(dispatch.bindings.filter((binding) => binding.group === group)),
  );
}
