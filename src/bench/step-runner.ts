import { compile } from "../compile.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { PlanRunner } from "../gpu/plan-runner.ts";
import { groupHypers } from "../optim/optimizer.ts";
import type { Choices } from "../passes/choose.ts";
import type { PassName } from "../passes/index.ts";
import { RECORD_COLUMNS, StateTable } from "../plan/state-table.ts";
import { DATA } from "../train/batch.ts";
import { LOSS_COLUMN, stepGraph } from "../train/graphs.ts";
import { stepParameters } from "./arrays.ts";
import { stepData, stepRecipe } from "./our-step.ts";
import { flatParameters } from "./ours.ts";
import { HYPERS, type StepSize } from "./workload.ts";

/** How a step is compiled. */
export interface StepRunnerOptions {
  readonly choices?: Choices;
  readonly skip?: readonly PassName[];
}

/**
 * A whole training step on buffers of its own, from the seeded weights: for comparing plans of one step with each other.
 * Every run is a first step of the optimizer.
 */
export async function stepRunner(
  context: DeviceContext,
  size: StepSize,
  { choices, skip }: StepRunnerOptions = {},
): Promise<PlanRunner> {
  const recipe = stepRecipe(size);
  const data = stepData(size);
  const states = new StateTable();
  const graph = stepGraph(recipe, data, size.batch);
  const settings = { target: context.target, states, ...(choices && { choices }), ...(skip && { skip }) };
  const plan = compile(graph, settings);
  const values = stepParameters(recipe.model);
  const contents = new Map(recipe.model.parameters().map((state) => [state, values[state.name]!]));
  const { lr, momentum } = HYPERS;
  return PlanRunner.create(context, plan, {
    inputs: {
      [`${DATA}.x`]: data.inputs.x!.data as Float32Array,
      [`${DATA}.y`]: data.targets.y!.data as Int32Array,
      [`${DATA}.indices`]: Uint32Array.from({ length: data.count }, (_, i) => i),
    },
    flat: { params: flatParameters(states, contents) },
    row: { step: 0, seed: 0, batchSize: size.batch, groups: groupHypers(recipe.optimizer, { lr, momentum }) },
  });
}

/** Loss that the latest run recorded. */
export async function recordedLoss(runner: PlanRunner): Promise<number> {
  return new Float32Array(await runner.read("records"), 0, RECORD_COLUMNS)[LOSS_COLUMN]!;
}
