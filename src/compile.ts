import type { Target } from "./graph/define.ts";
import type { Graph } from "./graph/graph.ts";
import type { Choices } from "./passes/choose.ts";
import { type PassName, runPasses } from "./passes/index.ts";
import { storeImages } from "./plan/half.ts";
import { lower } from "./plan/lower.ts";
import type { StateTable } from "./plan/state-table.ts";
import { type StepPlan, stepPlan } from "./plan/step-plan.ts";
import type { StorageForm } from "./wgsl/storage.ts";

/** What a graph is compiled for. */
export interface CompileOptions {
  readonly target: Target;
  /** Places of states, shared by all plans of a program. */
  readonly states: StateTable;
  /** Lowering by node key, made before the memory plan; absent nodes take their default. */
  readonly choices?: Choices;
  readonly skip?: readonly PassName[];
  /** Fill the padding of converted values with NaN, for tests. */
  readonly poisonPadding?: boolean;
  /** Form in memory of activations and their gradients. Default: f32, as they are computed with. */
  readonly storage?: StorageForm;
  onPass?(name: string, graph: Graph): void;
}

/**
 * From a traced graph (forward, backward and update in one) to the plan of a step: passes, layouts and kernels, memory.
 * Pure: no GPU, no state but the table of places.
 */
export function compile(graph: Graph, options: CompileOptions): StepPlan {
  const { target, states, choices = {} } = options;
  const optimised = runPasses(graph, {
    target,
    choices,
    ...(options.skip && { skip: options.skip }),
    onPass: (name, result) => options.onPass?.(name, result),
  });
  const lowered = lower(optimised, {
    target,
    choices,
    states,
    poisonPadding: options.poisonPadding ?? false,
  });
  return stepPlan(options.storage ? storeImages(lowered, options.storage) : lowered, states);
}
