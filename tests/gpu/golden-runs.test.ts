import { describe, expect, test } from "vitest";
import { buildOptimizer, decodeAll, goldenLearner, tabulated } from "../golden/build.ts";
import { decodeDoubles, golden } from "../golden/load.ts";
import { testDevice } from "../setup/gpu.ts";

/** Fifty steps of smooth nets from PyTorch's weights on PyTorch's batches: loss at every step, running statistics at the end. */

const files = import.meta.glob("../golden/run-*.json", { eager: true, import: "default" });
const LOSS = 1e-5;
const RUNNING = 1e-4;

describe.each(
  Object.entries(files).map(([path, file]) => [path.replace(/.*run-|\.json/g, ""), file] as const),
)("%s", (_, file) => {
  test("fifty steps", async () => {
    const run = golden("run", file);
    const batches = run.inputs.shape[0]!;
    const learner = goldenLearner({
      device: await testDevice(),
      model: run.model,
      loss: run.loss,
      optimizer: buildOptimizer(run.optimizer, run.clip),
      inputs: run.inputs,
      targets: run.targets,
      accumulate: run.accumulate,
      order: Array.from({ length: run.steps * run.accumulate }, (_, i) => i % batches),
    });
    for (const path of run.frozen?.paths ?? []) learner.freeze(path, { batchNorm: run.frozen!.batchNorm });
    await learner.loadState(decodeAll(run.initial));
    await learner.fit(1, { schedule: tabulated(run.lr, run.momentum) });
    const losses = meansOf([...learner.run.loss.values()], run.accumulate);
    expect(losses).toHaveLength(run.steps);
    const deviations = losses.map(
      (loss, step) => Math.abs(loss - run.losses[step]!) / Math.abs(run.losses[step]!),
    );
    expect(
      Math.max(...deviations),
      `loss deviation by step: ${deviations.map((d) => d.toExponential(1))}`,
    ).toBeLessThanOrEqual(LOSS);
    const state = await learner.state();
    for (const [name, tensor] of Object.entries(run.finalBuffers)) {
      const want = decodeDoubles(tensor);
      const largest = Math.max(...want.map(Math.abs));
      const worst = Math.max(...want.map((value, i) => Math.abs(value - state[name]![i]!)));
      expect(worst, name).toBeLessThanOrEqual(RUNNING * largest);
    }
    learner.dispose();
  });
});

/** The loss of a step is the mean of its micro-batches' losses. */
function meansOf(losses: readonly number[], size: number): number[] {
  return Array.from({ length: losses.length / size }, (_, i) =>
    losses.slice(i * size, (i + 1) * size).reduce((sum, loss) => sum + loss / size, 0),
  );
}
