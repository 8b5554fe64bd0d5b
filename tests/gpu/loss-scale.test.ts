import { describe, expect, test } from "vitest";
import { randomUnit } from "../../src/core/random.ts";
import { adamw, imageData, Learner, type LearnerOptions, nn, type Optimizer, sgd } from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";

/**
 * A scale that makes gradients overflow in f32, which stands for half precision: the steps that overflow change nothing
 * but the scale, the others are those of a run without a scale.
 */

const WIDTH = 12;

async function learner(optimizer: Optimizer, options: Partial<LearnerOptions> = {}): Promise<Learner> {
  const images = Float32Array.from({ length: 64 * WIDTH }, (_, i) => randomUnit(11, i) - 0.5);
  const labels = Int32Array.from({ length: 64 }, (_, i) => i % 3);
  return new Learner({
    device: await testDevice(),
    model: nn.sequential({ hidden: nn.linear(WIDTH, 8), tanh: nn.tanh(), head: nn.linear(8, 3) }),
    data: { train: imageData({ images, shape: [WIDTH], labels, classes: 3 }) },
    loss: nn.crossEntropy(),
    optimizer,
    batchSize: 16,
    seed: 4,
    shuffle: false,
    ...options,
  });
}

/** Every batch is the same one, so that a skipped step costs nothing but itself; inputs are large, gradients too. */
function oneBatch(options: Partial<LearnerOptions> = {}): Partial<LearnerOptions> {
  const images = Float32Array.from({ length: 16 * WIDTH }, (_, i) => 1000 * (randomUnit(12, i) - 0.5));
  const labels = Int32Array.from({ length: 16 }, (_, i) => i % 3);
  const train = imageData({ images, shape: [WIDTH], labels, classes: 3 });
  return { model: nn.sequential({ head: nn.linear(WIDTH, 3) }), data: { train }, ...options };
}

const bits = (values: ArrayLike<number>) => [...new Uint32Array(Float32Array.from(values).buffer)];

async function scalesOf(one: Learner, epochs: number, lr = 0.05): Promise<number[]> {
  const scales: number[] = [];
  one.use({ name: "scales", onRecord: ({ lossScale }) => void scales.push(lossScale!) });
  await one.fit(epochs, { lr, momentum: 0.9 });
  return scales;
}

describe("dynamic loss scale", () => {
  const optimizers: [string, () => Optimizer][] = [
    ["SGD with momentum and dampening", () => sgd({ momentum: 0.9, dampening: 0.3, weightDecay: 0.01 })],
    ["SGD with clipping by norm", () => sgd({ momentum: 0.9, clipNorm: 100 })],
    ["AdamW", () => adamw({ betas: [0.9, 0.999] })],
  ];
  test.each(optimizers)("%s: overflowing steps are skipped and count for nothing", async (_, optimizer) => {
    const scaled = await learner(optimizer(), oneBatch({ lossScale: { initial: 2 ** 127, interval: 1000 } }));
    const scales = await scalesOf(scaled, 12, 1e-4);
    const skipped = scales.findIndex((scale, i) => scales[i + 1] === scale);
    expect(scales.slice(0, skipped + 1)).toEqual(
      Array.from({ length: skipped + 1 }, (_, i) => 2 ** (127 - i)),
    );
    expect(skipped).toBeGreaterThan(0);
    expect((await scaled.optimizerState()).lossScale).toEqual(
      Float32Array.of(2 ** (127 - skipped), 12 - skipped, skipped),
    );
    const plain = await learner(optimizer(), oneBatch());
    await plain.fit(12 - skipped, { lr: 1e-4, momentum: 0.9 });
    const after = [await scaled.state(), await plain.state()] as const;
    for (const [name, values] of Object.entries(after[1])) {
      for (const [i, value] of values.entries()) {
        expect(Math.abs(after[0][name]![i]! - value), `${name}[${i}]`).toBeLessThanOrEqual(
          1e-6 + 2e-6 * Math.abs(value),
        );
      }
    }
    for (const one of [scaled, plain]) one.dispose();
  });

  test("the scale doubles after an interval of finite steps", async () => {
    const one = await learner(sgd(), { lossScale: { initial: 8, interval: 3 } });
    expect(await scalesOf(one, 2)).toEqual([8, 8, 8, 16, 16, 16, 32, 32]);
    one.dispose();
  });

  test("a scale that is a power of two changes no bit of the losses, also with accumulation", async () => {
    for (const accumulate of [1, 2]) {
      const plain = await learner(sgd({ momentum: 0.9 }), { accumulate });
      const scaled = await learner(sgd({ momentum: 0.9 }), { accumulate, lossScale: "dynamic" });
      await plain.fit(3, { lr: 0.1 });
      expect(new Set(await scalesOf(scaled, 3))).toEqual(new Set([65536]));
      await plain.fit(3, { lr: 0.05, momentum: 0.9 });
      const again = await learner(sgd({ momentum: 0.9 }), { accumulate, lossScale: "dynamic" });
      await again.fit(3, { lr: 0.1 });
      await again.fit(3, { lr: 0.05, momentum: 0.9 });
      expect(bits(again.run.loss.values())).toEqual(bits(plain.run.loss.values()));
      for (const one of [plain, scaled, again]) one.dispose();
    }
  });

  test("snapshots and optimizer states carry the scale", async () => {
    const one = await learner(sgd(), { lossScale: { initial: 4, interval: 2 } });
    await one.fit(1, { lr: 0.1 });
    const state = await one.optimizerState();
    expect(state.lossScale).toEqual(Float32Array.of(16, 0, 0));
    const other = await learner(sgd(), { lossScale: { initial: 2, interval: 2 } });
    await other.loadOptimizerState(state);
    expect((await other.optimizerState()).lossScale).toEqual(Float32Array.of(16, 0, 0));
    const before = await other.snapshot();
    await other.fit(1, { lr: 0.1 });
    other.restore(before);
    expect((await other.optimizerState()).lossScale).toEqual(Float32Array.of(16, 0, 0));
    before.destroy();
    for (const each of [one, other]) each.dispose();
  });

  test("numbers out of range are refused before any GPU work", async () => {
    await expect(learner(sgd(), { lossScale: { backoff: 2 } })).rejects.toThrow(
      /backoff: expected a number between 0 and 1/,
    );
    await expect(learner(sgd(), { lossScale: { initial: Number.POSITIVE_INFINITY } })).rejects.toThrow(
      /initial/,
    );
  });
});
