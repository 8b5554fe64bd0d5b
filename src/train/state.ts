import type { HostArray } from "../core/dtype.ts";
import { DataError } from "../core/errors.ts";
import { formatShape, numel } from "../core/shape.ts";
import type { State } from "../graph/value.ts";
import { momentBuffers } from "../optim/optimizer.ts";
import type { Program } from "./program.ts";

/** What an optimizer remembers between steps. */
export interface OptimizerState {
  /** Optimizer steps taken. */
  readonly steps: number;
  /** By moment ("velocity"; "firstMoment", "secondMoment"), then by parameter name. */
  readonly moments: Readonly<Record<string, Readonly<Record<string, ArrayLike<number>>>>>;
  /** Scale, finite steps since it changed, steps skipped; where the learner scales its loss. */
  readonly lossScale?: ArrayLike<number>;
}

/** Values of states by name; from another flat buffer of the same offsets where one is named. */
export async function readState(
  program: Program,
  states: readonly State[],
  from?: string,
): Promise<Record<string, HostArray>> {
  const values = await program.engine.readStates(states, from);
  return Object.fromEntries([...values].map(([state, data]) => [state.name, data]));
}

export async function readOptimizerState(program: Program, steps: number): Promise<OptimizerState> {
  const parameters = program.recipe.model.parameters();
  const moments: Record<string, Record<string, HostArray>> = {};
  for (const moment of momentBuffers(program.recipe.optimizer)) {
    moments[moment] = await readState(program, parameters, `optimizer.${moment}`);
  }
  const { lossScale } = program.recipe;
  if (!lossScale) return { steps, moments };
  const { [lossScale.state.name]: scale } = await readState(program, [lossScale.state]);
  return { steps, moments, lossScale: scale! };
}

/** Moments by parameter, names and sizes checked. Errors  DataError */
export function checkedMoments(program: Program, { moments, steps }: OptimizerState) {
  const known = momentBuffers(program.recipe.optimizer);
  if (!(Number.isInteger(steps) && steps >= 0)) {
    throw new DataError({
      op: "loadOptimizerState",
      problem: "steps",
      expected: "a whole number of at least 0",
      got: `${steps}`,
    });
  }
  return Object.entries(moments).map(([moment, values]) => {
    if (!known.includes(moment)) {
      throw new DataError({
        op: "loadOptimizerState",
        problem: "unknown moment",
        expected: known.join(", "),
        got: moment,
        fix: "load the state of the same kind of optimizer",
      });
    }
    return { moment, values: checkedStates(values, program.recipe.model.parameters(), "loadOptimizerState") };
  });
}

/** Arrays by state, names and sizes checked. Errors  DataError */
export function checkedStates(
  values: Readonly<Record<string, ArrayLike<number>>>,
  states: readonly State[],
  op: string,
): Map<State, HostArray> {
  const known = new Map(states.map((state) => [state.name, state]));
  const checked = new Map<State, HostArray>();
  for (const [name, data] of Object.entries(values)) {
    const state = known.get(name);
    if (!state) {
      throw new DataError({
        op,
        problem: "unknown name",
        expected: `one of ${[...known.keys()].slice(0, 8).join(", ")}, …`,
        got: name,
      });
    }
    const count = numel(state.shape);
    if (data.length !== count) {
      throw new DataError({
        op,
        problem: `elements of ${name}`,
        expected: `${count} for ${formatShape(state.shape)}`,
        got: `${data.length}`,
      });
    }
    checked.set(state, state.dtype === "i32" ? Int32Array.from(data) : Float32Array.from(data));
  }
  return checked;
}
