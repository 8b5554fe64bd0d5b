import { roundUp } from "../core/shape.ts";
import { RECORD_COLUMNS, RECORD_ROWS, type StateTable } from "./state-table.ts";
import { STEP_BYTES, type StepPlan } from "./step-plan.ts";
import { STEP_ROWS } from "./step-row.ts";

/** Submits in flight at most, each with a mapped buffer: the next is encoded while the device works on the others. */
export const RING_DEPTH = 4;

/** Bytes of a buffer that holds so many: whole vec4s, never none. */
export function bufferSize(bytes: number): number {
  return roundUp(Math.max(16, bytes), 16);
}

/**
 * Bytes of every buffer that a program with these plans has: what states, optimizer, work memory, inputs, constants
 * and records take.
 */
export function plannedBuffers(
  plans: readonly StepPlan[],
  states: StateTable,
  moments: readonly string[],
): Record<string, number> {
  const sizes: Record<string, number> = {};
  const need = (name: string, bytes: number) => {
    sizes[name] = Math.max(sizes[name] ?? 0, bufferSize(bytes));
  };
  const parameters = 4 * states.flatSize("params");
  for (const name of ["params", "grads", ...moments.map((moment) => `optimizer.${moment}`)])
    need(name, parameters);
  need("stats", 4 * states.flatSize("stats"));
  need("blocks", 4 * states.flatSize("blocks"));
  need("records", 4 * RECORD_ROWS * RECORD_COLUMNS);
  need("step", STEP_BYTES * STEP_ROWS);
  for (const plan of plans) {
    for (const [i, bytes] of plan.work.entries()) need(`work${i}`, bytes);
    for (const [name, bytes] of Object.entries(plan.inputs)) need(`input.${name}`, bytes);
  }
  const constants = plans.reduce((sum, plan) => sum + Math.max(16, 4 * plan.constants.length), 0);
  return { ...sizes, constants, "records, mapped": RING_DEPTH * 4 * RECORD_ROWS * RECORD_COLUMNS };
}
