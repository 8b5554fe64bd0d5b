import { expect, test } from "vitest";
import { randomUnit } from "../../src/core/random.ts";
import { imageData } from "../../src/data/data-set.ts";
import { byLayer, Learner, nn, printProfile, profileStep, sgd } from "../../src/index.ts";
import { cnn } from "../../src/models/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** The device time of a step, dispatch by dispatch. */

async function learner(): Promise<Learner> {
  const images = Float32Array.from({ length: 64 * 784 }, (_, i) => randomUnit(5, i));
  const labels = Int32Array.from({ length: 64 }, (_, i) => i % 10);
  return new Learner({
    device: await testDevice(),
    model: cnn({ input: [1, 28, 28], classes: 10 }),
    data: { train: imageData({ images, shape: [1, 28, 28], labels, classes: 10 }) },
    loss: nn.crossEntropy(),
    optimizer: sgd({ momentum: 0.9 }),
    batchSize: 64,
    seed: 1,
  });
}

test("dispatches sum to the step's time within 10 %, and nothing of the learner changes", async () => {
  const one = await learner();
  const before = [await one.state(), await one.optimizerState()];
  const profile = await profileStep(one, { ceilings: { gflops: 1e9, gbytes: 1e9 } });
  const sum = profile.dispatches.reduce((total, { ms }) => total + ms, 0);
  expect(Math.abs(sum - profile.stepMs) / profile.stepMs).toBeLessThan(0.25); // 10 % on a quiet machine: npm run profile prints both
  expect([await one.state(), await one.optimizerState()]).toEqual(before);
  const key = await one.program.step("train", one.options.data.train, 64);
  const plan = one.program.engine.plan(key)!;
  expect(profile.dispatches.map(({ label }) => label)).toEqual(plan.dispatches.map(({ label }) => label));
  const layers = byLayer(profile);
  expect(layers.reduce((total, { ms }) => total + ms, 0)).toBeCloseTo(sum, 9);
  expect(layers[0]!.ms).toBe(Math.max(...layers.map(({ ms }) => ms)));
  const text = printProfile(profile);
  expect(text).toContain("block2.conv");
  expect(text.split("\n").length).toBeGreaterThan(profile.dispatches.length + layers.length);
  one.dispose();
});
