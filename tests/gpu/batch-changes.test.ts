import { describe, expect, test } from "vitest";
import { hashString, randomNormal, randomUnit, streamKey } from "../../src/core/random.ts";
import { evaluate } from "../../src/evaluate.ts";
import { scope } from "../../src/graph/trace.ts";
import {
  type Callback,
  dataSet,
  GradientClip,
  LabelNoise,
  Learner,
  type LearnerOptions,
  Mixup,
  nn,
  ops,
  sgd,
  type Value,
} from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** Callbacks that add to the compiled step: random numbers by seed, step and path; batches changed on the device. */

const noise = (count: number, key: number) =>
  Float32Array.from({ length: count }, (_, i) => randomNormal(key, i));

async function learner(options: Partial<LearnerOptions> = {}): Promise<Learner> {
  const labels = Int32Array.from({ length: 40 }, (_, i) => i % 3);
  const train = dataSet({
    inputs: { data: noise(160, 6), shape: [4] },
    targets: { data: labels, shape: [] },
    classes: 3,
  });
  return new Learner({
    device: await testDevice(),
    model: nn.linear(4, 3),
    data: { train },
    loss: nn.crossEntropy(),
    optimizer: sgd(),
    batchSize: 10,
    shuffle: false,
    ...options,
  });
}

describe("random numbers on the device", () => {
  test("flipLabels draws the host's numbers, leaves negative labels, and does nothing at p = 0", async () => {
    const labels = {
      data: Array.from({ length: 300 }, (_, i) => (i % 7 === 0 ? -100 : i % 5)),
      shape: [300],
    };
    const run = async (p: number) => {
      const { outputs } = await evaluate(
        await testDevice(),
        ({ labels: y }) => scope("noise", () => ops.flipLabels(y!, { p, classes: 5 })),
        { labels: { ...labels, dtype: "i32" } },
        { seed: 3, step: 8 },
      );
      return [...outputs.output!.data];
    };
    const key = streamKey(3, 8, 0, hashString("noise"));
    const wanted = labels.data.map((label, i) =>
      label >= 0 && randomUnit(key, 2 * i) < Math.fround(0.3)
        ? Math.floor(randomUnit(key, 2 * i + 1) * 5)
        : label,
    );
    expect(await run(0.3)).toEqual(wanted);
    expect(wanted).not.toEqual(labels.data);
    expect(await run(0)).toEqual(labels.data);
    expect((await run(1)).every((label, i) => (i % 7 === 0) === (label === -100))).toBe(true);
  });

  test.each([0.2, 0.4, 1, 2])(
    "randomBeta has the moments of Beta(%f, same), and other numbers every step",
    async (alpha) => {
      const draw = async (step: number) => {
        const { outputs } = await evaluate(
          await testDevice(),
          () => scope("mix", () => ops.randomBeta(4000, alpha)),
          {},
          { seed: 1, step },
        );
        return [...outputs.output!.data];
      };
      const drawn = await draw(5);
      const mean = drawn.reduce((sum, x) => sum + x, 0) / drawn.length;
      const variance = drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length;
      const want = 1 / (4 * (2 * alpha + 1));
      // Four deviations of the mean; the variance of so many draws is within a tenth.
      expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(want / drawn.length));
      expect(Math.abs(variance / want - 1)).toBeLessThan(0.1);
      expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...drawn)).toBeLessThanOrEqual(1);
      expect(await draw(5)).toEqual(drawn);
      expect(await draw(6)).not.toEqual(drawn);
    },
  );
});

describe("callbacks that change the step", () => {
  test("a change is part of the plan, the same seed gives the same bits, taking it away brings the old plan back", async () => {
    const losses = async (callback?: Callback, seed = 0) => {
      const one = await learner({ seed, ...(callback && { callbacks: [callback] }) });
      await one.fit(2, { lr: 0.1 });
      if (callback) one.remove(callback);
      await one.fit(1, { lr: 0.1 });
      const found = [...one.run.loss.values()];
      one.dispose();
      return found;
    };
    const plain = await losses();
    for (const make of [() => new Mixup(), () => new LabelNoise({ p: 0.5, classes: 3 })]) {
      const found = await losses(make());
      expect(found).not.toEqual(plain);
      expect(await losses(make())).toEqual(found);
      expect(found.every(Number.isFinite)).toBe(true);
    }
    expect(await losses(new LabelNoise({ p: 0, classes: 3 }))).toEqual(plain);
  });

  test("Mixup mixes inputs and losses of neighbours by the same share", async () => {
    const mixup = new Mixup({ alpha: 1 });
    const x = { data: noise(24, 1), shape: [6, 4] };
    const labels = { data: [0, 1, 2, 0, 1, 2], shape: [6], dtype: "i32" as const };
    const { outputs } = await evaluate(
      await testDevice(),
      ({ x: inputs, labels: targets }) =>
        scope("mixup", () => {
          const loss = nn.crossEntropy();
          const batch = mixup.batch({ inputs: inputs!, targets: targets!, loss });
          return {
            share: ops.randomBeta(6, 1),
            mixed: batch.inputs as Value,
            loss: batch.loss(inputs!, batch.targets),
          };
        }),
      { x, labels },
      { seed: 2, step: 3, mode: "train" },
    );
    const read = (name: string) => [...outputs[name]!.data];
    const shares = read("share").map((b) => Math.max(b, 1 - b));
    const rows = read("mixed");
    for (let i = 0; i < 6; i++) {
      const next = (i + 1) % 6;
      for (let j = 0; j < 4; j++) {
        const want = shares[i]! * x.data[4 * i + j]! + (1 - shares[i]!) * x.data[4 * next + j]!;
        expect(rows[4 * i + j]).toBeCloseTo(want, 5);
      }
      const logits = [...x.data.slice(4 * i, 4 * i + 4)];
      const total = Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0));
      const lossOf = (label: number) => total - logits[label]!;
      const want = shares[i]! * lossOf(labels.data[i]!) + (1 - shares[i]!) * lossOf(labels.data[next]!);
      expect(read("loss")[i]).toBeCloseTo(want, 4);
    }
  });

  test("GradientClip clips as the optimizer's own clipNorm does; the kind of optimizer cannot change", async () => {
    const run = async (options: Partial<LearnerOptions>) => {
      const one = await learner(options);
      await one.fit(2, { lr: 0.5 });
      const state = await one.state();
      one.dispose();
      return state;
    };
    const clipped = await run({ optimizer: sgd({ clipNorm: 0.1 }) });
    expect(await run({ callbacks: [new GradientClip({ maxNorm: 0.1 })] })).toEqual(clipped);
    expect(await run({})).not.toEqual(clipped);
    const other: Callback = { name: "other", optimizer: () => sgd({ momentum: 0 }) };
    await expect(run({ callbacks: [other] })).rejects.toThrow("velocity of the optimizer");
    expect(() => new GradientClip({ maxNorm: 0 })).toThrow("maxNorm or maxValue above 0");
    expect(() => new GradientClip({})).toThrow("maxNorm or maxValue above 0");
  });

  test("Mixup refuses a loss that gives no number per example", async () => {
    const loss = (outputs: unknown, targets: unknown) => ops.crossEntropy(outputs as Value, targets as Value);
    const one = await learner({ loss, callbacks: [new Mixup()] });
    await expect(one.fit(1, { lr: 0.1 })).rejects.toThrow("expected one number per example");
    one.dispose();
  });
});
