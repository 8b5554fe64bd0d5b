import { expect, test } from "vitest";
import { randomUnit } from "../../src/core/random.ts";
import { bookNet, imageData, Learner, nn, sgd } from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** The search for a rate on the book's net: nothing of the learner may remember it. */

async function learner(): Promise<Learner> {
  const images = Float32Array.from({ length: 48 * 784 }, (_, i) => randomUnit(21, i));
  const labels = Int32Array.from({ length: 48 }, (_, i) => i % 10);
  return new Learner({
    device: await testDevice(),
    model: bookNet(),
    data: { train: imageData({ images, shape: [1, 28, 28], labels, classes: 10 }) },
    loss: nn.crossEntropy(),
    optimizer: sgd({ momentum: 0.9 }),
    batchSize: 16,
    seed: 9,
  });
}

test("lrFind on the book's net leaves weights, statistics, optimizer and random state bit-equal", async () => {
  const [one, twin] = [await learner(), await learner()];
  for (const each of [one, twin]) await each.fit(1, { lr: 0.02 });
  const before = [await one.state(), await one.optimizerState(), one.steps, one.epochs];
  const { losses, suggestions } = await one.lrFind({ steps: 30 });
  expect([await one.state(), await one.optimizerState(), one.steps, one.epochs]).toEqual(before);
  expect(Math.max(...losses)).toBeGreaterThan(Math.min(...losses));
  for (const rate of Object.values(suggestions)) expect(rate).toBeGreaterThan(0);
  // The next batches, drawn in a new order, give what those of a learner give that has not searched.
  for (const each of [one, twin]) await each.fit(2, { lr: 0.02 });
  expect([...one.run.loss.values()]).toEqual([...twin.run.loss.values()]);
  expect(await one.state()).toEqual(await twin.state());
  for (const each of [one, twin]) each.dispose();
});
