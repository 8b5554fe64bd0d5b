import { describe, expect, test } from "vitest";
import { randomNormal } from "../../src/core/random.ts";
import {
  type AnyModule,
  ConfusionMatrix,
  dataSet,
  Learner,
  type LearnerOptions,
  NanGuard,
  nn,
  ops,
  sgd,
  TopLosses,
  type Value,
} from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** The guard names the layer, the phase and the step of planted faults; matrices and losses of single examples are exact. */

const noise = (count: number, key: number) =>
  Float32Array.from({ length: count }, (_, i) => randomNormal(key, i));

async function learner(model: AnyModule, options: Partial<LearnerOptions> = {}) {
  const warnings: string[] = [];
  const one = new Learner({
    device: await testDevice(),
    model,
    data: {
      train: dataSet({
        inputs: { data: noise(160, 6), shape: [4] },
        targets: { data: noise(40, 7), shape: [1] },
      }),
    },
    loss: nn.mse(),
    optimizer: sgd({ momentum: 0.9 }),
    batchSize: 10,
    onWarning: (text) => warnings.push(text),
    ...options,
  });
  return { one, warnings, guard: one.use(new NanGuard({ every: 3 })) };
}

const relus = () => nn.sequential(nn.linear(4, 4), nn.relu(), nn.linear(4, 4), nn.relu(), nn.linear(4, 1));

describe("NanGuard", () => {
  test("weights that overflow from the first step on", async () => {
    const { one, guard } = await learner(relus());
    const { "2.weight": second, "4.weight": third } = await one.state();
    const huge = (weight: typeof second) => Array.from(weight!, (w) => Math.sign(w) * 1e38);
    await one.loadState({ "2.weight": huge(second), "4.weight": huge(third) });
    await one.fit(10, { lr: 0.01 });
    expect(guard.found).toMatchObject({ step: 0, phase: "forward" });
    expect(["2", "4"]).toContain(guard.found!.layer);
    one.dispose();
  });

  test("weights that a hook wrote are no step's fault", async () => {
    const { one, guard } = await learner(relus());
    one.on("beforeBatch", async ({ step }) => {
      if (step === 10) await one.loadState({ "4.bias": [Number.NaN] });
    });
    await one.fit(10, { lr: 0.01 });
    expect(guard.found).toMatchObject({ step: 10, phase: "forward", layer: "unknown" });
    expect(one.steps).toBe(10);
    one.dispose();
  });

  test("an overflow in the forward pass, made by the step before", async () => {
    const { one, guard, warnings } = await learner(relus());
    one.on("beforeBatch", (context) => {
      if (context.step === 10) context.lr = 1e20;
    });
    await one.fit(10, { lr: 0.01 });
    expect(guard.found).toMatchObject({ step: 11, phase: "forward", layer: "2" });
    expect(warnings[0]).toMatch(
      /^nanGuard: step 11, forward: first not finite is the outputs of 2 \(\d+ NaN and \d+/,
    );
    // Eleven steps are left, the last of which had the mad rate.
    expect(one.steps).toBe(11);
    expect(Object.values(await one.state()).every((values) => [...values].every(Number.isFinite))).toBe(true);
    one.dispose();
  });

  test("an infinite gradient behind finite outputs, in the step before its NaN loss", async () => {
    const model = nn.sequential(
      nn.linear(4, 4),
      nn.lambda((x: Value) => ops.sqrt(x)),
      nn.linear(4, 1),
    );
    const { one, guard } = await learner(model);
    // The slope of the square root is infinite at 0.
    await one.loadState({ "0.weight": new Float32Array(16), "0.bias": new Float32Array(4) });
    const before = await one.state();
    await one.fit(2, { lr: 0.01 });
    expect(guard.found).toMatchObject({ step: 0, phase: "backward", layer: "0" });
    expect(one.steps).toBe(0);
    expect(await one.state()).toEqual(before);
    one.dispose();
  });

  test("an update that leaves no finite weights, of finite gradients; with accumulation too", async () => {
    for (const accumulate of [1, 2]) {
      const { one, guard } = await learner(relus(), { accumulate });
      one.on("beforeBatch", (context) => {
        if (context.step === 5) context.lr = 3e38;
      });
      const reference = await learner(relus(), { accumulate });
      reference.one.remove(reference.guard);
      await one.fit(10, { lr: 0.01 });
      expect(guard.found).toMatchObject({ step: 5, phase: "update" });
      reference.one.on("beforeBatch", ({ step }) => {
        if (step === 5) throw new (class extends Error {})("enough");
      });
      await expect(reference.one.fit(10, { lr: 0.01 })).rejects.toThrow("enough");
      expect(await one.state()).toEqual(await reference.one.state());
      expect(await one.optimizerState()).toEqual(await reference.one.optimizerState());
      one.dispose();
      reference.one.dispose();
    }
  });

  test("leaves a healthy run as it is", async () => {
    const { one, guard } = await learner(relus());
    const other = await learner(relus());
    other.one.remove(other.guard);
    for (const each of [one, other.one]) await each.fit(10, { lr: 0.01 });
    expect(guard.found).toBeUndefined();
    expect([...one.run.loss.values()]).toEqual([...other.one.run.loss.values()]);
    one.dispose();
    other.one.dispose();
  });
});

describe("single examples of the validation data", () => {
  const labels = Int32Array.from({ length: 23 }, (_, i) => (i % 9 === 0 ? -100 : i % 3));
  const scores = noise(69, 3);
  const classes = dataSet({
    inputs: { data: scores, shape: [3] },
    targets: { data: labels, shape: [] },
  });

  async function identity(): Promise<Learner> {
    const one = new Learner({
      device: await testDevice(),
      model: nn.linear(3, 3, { bias: false }),
      data: { train: classes, valid: classes },
      loss: nn.crossEntropy({ ignoreIndex: -100 }),
      optimizer: sgd(),
      batchSize: 7,
    });
    await one.loadState({ weight: [1, 0, 0, 0, 1, 0, 0, 0, 1] });
    return one;
  }

  const row = (i: number) => [...scores.slice(3 * i, 3 * i + 3)];
  const predicted = labels.map((_, i) => row(i).indexOf(Math.max(...row(i))));

  test("ConfusionMatrix counts exactly", async () => {
    const one = await identity();
    const matrix = one.use(new ConfusionMatrix());
    await one.fit(1, { lr: 0 });
    const want = new Uint32Array(9);
    labels.forEach((label, i) => {
      if (label >= 0) want[3 * label + predicted[i]!]!++;
    });
    expect(matrix.counts).toEqual(want);
    expect(matrix.at(1, 2)).toBe(want[5]);
    const mistakes = matrix.mostConfused(1);
    expect(mistakes.reduce((sum, { count }) => sum + count, 0)).toBe(
      want.reduce((sum, count, i) => sum + (i % 4 === 0 ? 0 : count), 0),
    );
    expect(mistakes.map(({ count }) => count)).toEqual(
      mistakes.map(({ count }) => count).sort((a, b) => b - a),
    );
    one.dispose();
  });

  test("TopLosses orders every example by its own loss", async () => {
    const one = await identity();
    const top = await new TopLosses({ count: 23 }).measure(one);
    const want = [...labels].map((label, i) => {
      if (label < 0) return 0;
      return Math.log(row(i).reduce((sum, z) => sum + Math.exp(z), 0)) - row(i)[label]!;
    });
    expect(top.examples.map(({ index }) => index).sort((a, b) => a - b)).toEqual([...labels.keys()]);
    for (const [rank, { index, loss, label, prediction }] of top.examples.entries()) {
      expect(loss).toBeCloseTo(want[index]!, 5);
      expect([label, prediction]).toEqual([labels[index], predicted[index]]);
      if (rank > 0) expect(loss).toBeLessThanOrEqual(top.examples[rank - 1]!.loss);
    }
    one.dispose();
  });
});
