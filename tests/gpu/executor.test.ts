import { describe, expect, test } from "vitest";
import { randomBits, randomUnit } from "../../src/core/random.ts";
import { contextOf } from "../../src/gpu/context.ts";
import { imageData, Learner, type LearnerOptions, nn, sgd } from "../../src/index.ts";
import { accuracy } from "../../src/train/metrics.ts";
import { testDevice } from "../setup/gpu.ts";

/** Replay: nothing made after the first step, one submit a step at most, the same bits for the same seed. */

const SHAPE = [1, 12, 12];
const CLASSES = 4;

/** Images whose bright quarter is their class: easy enough to learn in a few steps. */
function quarters(count: number, key: number) {
  const labels = Int32Array.from({ length: count }, (_, i) => randomBits(key, i) % CLASSES);
  const images = Uint8Array.from({ length: count * 144 }, (_, i) => {
    const [example, pixel] = [Math.floor(i / 144), i % 144];
    const quarter = (Math.floor(pixel / 12) >= 6 ? 2 : 0) + (pixel % 12 >= 6 ? 1 : 0);
    return Math.floor(randomUnit(key + 1, i) * 120) + (quarter === labels[example] ? 100 : 0);
  });
  return imageData({ images, shape: SHAPE, labels, classes: CLASSES, mean: [0.5], std: [0.25] });
}

async function learner(options: Partial<LearnerOptions> = {}): Promise<Learner> {
  return new Learner({
    device: await testDevice(),
    model: nn.sequential({
      conv: nn.conv2d(1, 6, { kernel: 3, stride: 2, padding: 1, bias: false }),
      norm: nn.batchNorm(6),
      relu: nn.relu(),
      drop: nn.dropout(0.2),
      flatten: nn.flatten(),
      head: nn.linear(6 * 36, CLASSES),
    }),
    data: { train: quarters(200, 1), valid: quarters(50, 2) },
    loss: nn.crossEntropy(),
    optimizer: sgd({ momentum: 0.9 }),
    metrics: [accuracy()],
    batchSize: 16,
    seed: 5,
    ...options,
  });
}

/** Loss history as bits. */
function bits(one: Learner): number[] {
  return [...new Uint32Array(one.run.loss.values().slice().buffer)];
}

describe("replay", () => {
  test("fifty steps make no buffer, bind group or pipeline, and at most one submit each", async () => {
    const one = await learner();
    const { counters } = contextOf(await testDevice());
    let first: typeof counters | undefined;
    let steps = 0;
    one.use({
      name: "counters",
      // The first batch of the first epoch has been encoded, and with it everything a step needs.
      afterBatch: () => {
        if (steps++ === 0) first = { ...counters };
        if (steps === 50) {
          expect(counters.buffers - first!.buffers).toBe(0);
          expect(counters.bindGroups - first!.bindGroups).toBe(0);
          expect(counters.pipelines - first!.pipelines).toBe(0);
          expect(counters.submits - first!.submits).toBeLessThanOrEqual(50);
        }
      },
    });
    const { valid: _valid, ...data } = { ...one.options.data };
    expect(data.train.count).toBe(200);
    await one.fit(5, { lr: 0.05 });
    expect(steps).toBe(60);
    one.dispose();
  });

  test("the same seed gives the same bits, another seed others", async () => {
    const runs: number[][] = [];
    for (const seed of [5, 5, 6]) {
      const one = await learner({ seed });
      await one.fitOneCycle(2, { lrMax: 0.1 });
      runs.push(bits(one));
      one.dispose();
    }
    expect(runs[0]).toHaveLength(24);
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).not.toEqual(runs[0]);
  });

  test("it learns, validates every example, and predicts one image as it does many", async () => {
    const one = await learner();
    await one.fitOneCycle(6, { lrMax: 0.1 });
    const last = one.run.epochs.at(-1)!;
    expect(last.metrics.accuracy).toBeGreaterThan(0.9);
    const images = quarters(50, 2).inputs.x!.data as Uint8Array;
    const many = await one.predict(images);
    expect(many.output!.shape).toEqual([50, CLASSES]);
    const single = await one.predict(images.slice(0, 144));
    expect(single.output!.shape).toEqual([1, CLASSES]);
    for (let i = 0; i < CLASSES; i++) expect(single.output!.data[i]).toBeCloseTo(many.output!.data[i]!, 4);
    one.dispose();
  });

  test("a snapshot brings weights, moments and statistics back bit by bit", async () => {
    const one = await learner();
    await one.fit(1, { lr: 0.05 });
    const before = await one.state();
    const snapshot = await one.snapshot();
    await one.fit(1, { lr: 0.05 });
    expect(await one.state()).not.toEqual(before);
    one.restore(snapshot);
    expect(await one.state()).toEqual(before);
    snapshot.destroy();
    one.dispose();
  });

  test("the tail batch is dropped by default and run on request", async () => {
    const dropped = await learner();
    await dropped.fit(1, { lr: 0.01 });
    expect(dropped.run.loss.length).toBe(12);
    dropped.dispose();
    const whole = await learner({ dropLast: false });
    await whole.fit(1, { lr: 0.01 });
    expect(whole.run.loss.length).toBe(13);
    whole.dispose();
  });

  test("frozen layers keep their weights and statistics, the others train", async () => {
    const one = await learner();
    await one.fit(1, { lr: 0.05 });
    const before = await one.state();
    one.freeze("conv");
    one.freeze("norm");
    await one.fit(1, { lr: 0.05 });
    const after = await one.state();
    for (const name of Object.keys(before)) {
      if (name.startsWith("head")) expect(after[name], name).not.toEqual(before[name]);
      else expect(after[name], name).toEqual(before[name]);
    }
    one.unfreeze();
    one.freeze("norm", { batchNorm: "train" });
    await one.fit(1, { lr: 0.05 });
    const last = await one.state();
    expect(last["norm.weight"]).toEqual(after["norm.weight"]);
    expect(last["norm.running_mean"]).not.toEqual(after["norm.running_mean"]);
    expect(last["conv.weight"]).not.toEqual(after["conv.weight"]);
    one.dispose();
  });
});
