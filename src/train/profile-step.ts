import { groupHypers } from "../optim/optimizer.ts";
import type { Learner } from "./learner.ts";
import { type Ceilings, type StepProfile, stepProfile } from "./profile.ts";

export interface ProfileOptions {
  /** Runs of which the least times are taken. Default 5. */
  readonly runs?: number;
  /** What the adapter can do at most, for shares of the roofline. */
  readonly ceilings?: Ceilings;
}

/**
 * Device time of a learner's training step by dispatch and layer. Weights, optimizer and statistics are put back
 * afterwards.
 * Errors  DeviceError where the device has no timestamp-query
 */
export async function profileStep(
  learner: Learner,
  { runs = 5, ceilings }: ProfileOptions = {},
): Promise<StepProfile> {
  const { program, batchSize, options, optimizer } = learner;
  const before = await learner.snapshot();
  try {
    await learner.feeder.drain();
    await learner.upload("train");
    const key = await program.step("train", options.data.train, batchSize);
    const groups = groupHypers(optimizer, { lr: 0 });
    const row = { step: learner.steps, seed: options.seed, batchStart: 0, batchSize, groups };
    const times = await program.engine.time(key, row, runs);
    return stepProfile(program.engine.plan(key)!.dispatches, times, ceilings);
  } finally {
    learner.restore(before);
    before.destroy();
  }
}
