import { compile } from "../../src/compile.ts";
import type { HostArray } from "../../src/core/dtype.ts";
import { WEIGHT_IO } from "../../src/core/layout.ts";
import { contextOf } from "../../src/gpu/context.ts";
import { runOnce } from "../../src/gpu/run-once.ts";
import { onBehalf, trace } from "../../src/graph/trace.ts";
import type { State, Value } from "../../src/graph/value.ts";
import { StateTable } from "../../src/plan/state-table.ts";
import type { StepRow } from "../../src/plan/step-row.ts";
import { testDevice } from "../setup/gpu.ts";

/** Parameters of the flat buffers of these tests: three blocks of 256, the last two of one parameter. */
const PARAMETERS: readonly (readonly [name: string, shape: readonly number[]])[] = [
  ["bias", [7]],
  ["weight", [10, 30]],
];

/** Elements of a flat buffer of parameters, and of blocks. */
export const FLAT = 3 * 256;
export const BLOCKS = 3;

/** Offsets that hold parameters; the rest is padding, which stays 0. */
export const USED: readonly number[] = Array.from({ length: FLAT }, (_, i) => i).filter(
  // The weight [10, 30] lies as [30 → 32, 10 → 12] from element 256 on.
  (i) => i < 7 || (i >= 256 && i < 256 + 32 * 12 && (i - 256) % 12 < 10 && i - 256 < 30 * 12),
);

/** Runs nodes that work on flat buffers, all other memory poisoned with NaN. */
export async function runFlat(
  body: () => Record<string, Value> | undefined,
  flat: Readonly<Record<string, HostArray>>,
  row: Partial<StepRow> = {},
): Promise<{ outputs: Record<string, Float32Array>; flat: Record<string, Float32Array> }> {
  const context = contextOf(await testDevice());
  const states = new StateTable();
  for (const [name, shape] of PARAMETERS) {
    const state: State = {
      name,
      shape,
      dtype: "f32",
      role: "parameter",
      init: (size) => new Float32Array(size.length),
    };
    states.place(state, shape.length === 2 ? WEIGHT_IO : { name: "plain" });
  }
  const graph = trace("train", () => ({ outputs: onBehalf("optimizer", "update", body) ?? {} }));
  const plan = compile(graph, { target: context.target, states });
  const result = await runOnce(context, plan, {
    inputs: {},
    flat,
    row: { step: 0, seed: 0, ...row },
    poison: true,
  });
  const floats = (all: Record<string, ArrayBuffer>) =>
    Object.fromEntries(Object.entries(all).map(([name, bytes]) => [name, new Float32Array(bytes)]));
  return { outputs: floats(result.outputs), flat: floats(result.flat) };
}
