import { describe, expect, test } from "vitest";
import { buildOptimizer, decodeAll, goldenLearner, optimizerMoments, tabulated } from "../golden/build.ts";
import { decodeDoubles, type EncodedTensors, golden, stateBefore } from "../golden/load.ts";
import { testDevice } from "../setup/gpu.ts";

/** ReLU and max-pool nets one step at a time from PyTorch's own weights, optimizer state and running statistics. */

const files = import.meta.glob("../golden/steps-*.json", { eager: true, import: "default" });
const LOSS = 1e-5;
const TENSOR = 1e-4;

describe.each(
  Object.entries(files).map(([path, file]) => [path.replace(/.*steps-|\.json/g, ""), file] as const),
)("%s", (_, file) => {
  const steps = golden("steps", file);
  test.each(steps.steps.map((step, index) => [step.step, index] as const))(
    "step %i",
    async (_step, index) => {
      const step = steps.steps[index]!;
      // Entries that hang on a tie are listed in the file; the batches were chosen so that there are none.
      expect(step.ties).toEqual([]);
      const learner = goldenLearner({
        device: await testDevice(),
        model: steps.model,
        loss: steps.loss,
        optimizer: buildOptimizer(steps.optimizer),
        inputs: { ...step.inputs, shape: [1, ...step.inputs.shape] },
        targets: { ...step.targets, shape: [1, ...step.targets.shape] },
        order: [0],
      });
      const before = stateBefore(steps, index);
      await learner.loadState(decodeAll(before.tensors));
      await learner.loadOptimizerState({ steps: step.step, moments: optimizerMoments(before) });
      await learner.fit(1, { schedule: tabulated([step.lr], [step.momentum]) });
      const loss = learner.run.loss.values()[0]!;
      expect(Math.abs(loss - step.loss) / step.loss).toBeLessThanOrEqual(LOSS);
      expectClose("gradient of", step.gradients, await learner.gradients());
      expectClose("updated", step.after.tensors, await learner.state());
      const moments = (await learner.optimizerState()).moments;
      for (const [moment, values] of Object.entries(optimizerMoments(step.after))) {
        for (const [name, want] of Object.entries(values)) {
          expect(deviation(want, moments[moment]![name]!), `${moment} of ${name}`).toBeLessThanOrEqual(
            TENSOR,
          );
        }
      }
      learner.dispose();
    },
  );
});

function expectClose(
  what: string,
  want: EncodedTensors,
  got: Readonly<Record<string, ArrayLike<number>>>,
): void {
  for (const [name, tensor] of Object.entries(want)) {
    expect(deviation(decodeDoubles(tensor), got[name]!), `${what} ${name}`).toBeLessThanOrEqual(TENSOR);
  }
}

/** Largest difference, relative to the largest magnitude of what is wanted. */
function deviation(want: ArrayLike<number>, got: ArrayLike<number>): number {
  let largest = 0;
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    largest = Math.max(largest, Math.abs(want[i]!));
    worst = Math.max(worst, Math.abs(want[i]! - got[i]!));
  }
  return largest === 0 ? worst : worst / largest;
}
