import type { GroupHypers } from "../core/hypers.ts";
import { STEP_BYTES } from "./step-plan.ts";

/** Rows of the ring of per-step numbers: steps that one submit may hold. */
export const STEP_ROWS = 64;

/** Per-step data of a step: never constants of a pipeline, so that no schedule ever recompiles. */
export interface StepRow {
  /** Index of the optimizer step, from 0. */
  readonly step: number;
  readonly seed: number;
  /** Steps the optimizer has taken before this one; default `step`. At 0 it starts from fresh moments. */
  readonly optimizerStep?: number;
  /** Micro-batch within the step. */
  readonly micro?: number;
  /** Add to the gradients instead of setting them. */
  readonly accumulate?: boolean;
  /** Row of the ring of records that this step writes. */
  readonly recordRow?: number;
  /** First entry of the index buffer that this batch gathers. */
  readonly batchStart?: number;
  /** True examples in the batch; the rest is padding. */
  readonly batchSize?: number;
  readonly groups?: readonly GroupHypers[];
}

/**
 * Writes one row in the form of `struct Step` in the shaders: eight words, then two vectors for each group
 * (lr, momentum or beta1, 1 − beta1, weight decay), (eps or dampening, 1 − beta2, 1 − beta1^t, 1 − beta2^t), t counting
 * this step too. Differences from 1 are taken here: in f32, 1 − 0.999 is off by 1e-5 of itself.
 */
export function writeStepRow(target: ArrayBuffer, slot: number, row: StepRow): void {
  const words = new Uint32Array(target, slot * STEP_BYTES, STEP_BYTES / 4);
  const floats = new Float32Array(target, slot * STEP_BYTES, STEP_BYTES / 4);
  words[0] = row.step;
  words[1] = row.seed;
  words[2] = row.micro ?? 0;
  words[3] = row.accumulate ? 1 : 0;
  words[4] = row.recordRow ?? 0;
  words[5] = row.batchStart ?? 0;
  words[6] = row.batchSize ?? 0;
  const optimizerStep = row.optimizerStep ?? row.step;
  words[7] = optimizerStep;
  const groups = row.groups ?? [];
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i]!;
    const at = 8 + i * 8;
    const { lr, momentum, beta2 = 0, weightDecay = 0 } = group;
    const t = optimizerStep + 1;
    floats.set([lr, momentum, 1 - momentum, weightDecay], at);
    floats.set([group.eps || group.dampening || 0, 1 - beta2, 1 - momentum ** t, 1 - beta2 ** t], at + 4);
  }
}
