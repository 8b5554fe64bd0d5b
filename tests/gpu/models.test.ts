import { expect, test } from "vitest";
import { randomNormal } from "../../src/core/random.ts";
import type { Value } from "../../src/graph/value.ts";
import { adamw, dataSet, Learner, nn, ops, sgd } from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** Models beyond a chain: several inputs and outputs, several losses, shared layers, branches. */

const noise = (count: number, key: number) =>
  Float32Array.from({ length: count }, (_, i) => randomNormal(key, i));

test("several inputs, outputs and losses", async () => {
  const count = 96;
  const a = noise(count * 3, 1);
  const b = noise(count * 2, 2);
  // sum = Σa + Σb, sign = a0 > b0
  const sums = Float32Array.from({ length: count }, (_, i) => {
    return a[3 * i]! + a[3 * i + 1]! + a[3 * i + 2]! + b[2 * i]! + b[2 * i + 1]!;
  });
  const signs = Int32Array.from({ length: count }, (_, i) => (a[3 * i]! > b[2 * i]! ? 1 : 0));
  type Inputs = Readonly<Record<"a" | "b", Value>>;
  const model = nn.module(
    {
      left: nn.linear(3, 16),
      right: nn.linear(2, 16),
      act: nn.tanh(),
      sum: nn.linear(16, 1),
      sign: nn.linear(16, 2),
    },
    (parts, inputs: Inputs) => {
      const hidden = parts.act(ops.add(parts.left(inputs.a), parts.right(inputs.b)));
      return { sum: parts.sum(hidden), sign: parts.sign(hidden) };
    },
  );
  const learner = new Learner({
    device: await testDevice(),
    model,
    data: {
      train: dataSet({
        inputs: { a: { data: a, shape: [3] }, b: { data: b, shape: [2] } },
        targets: { sum: { data: sums, shape: [1] }, sign: { data: signs, shape: [] } },
      }),
    },
    loss: (outputs, targets) => {
      const out = outputs as Readonly<Record<"sum" | "sign", Value>>;
      const wanted = targets as Readonly<Record<"sum" | "sign", Value>>;
      return ops.add(ops.mse(out.sum, wanted.sum), ops.crossEntropy(out.sign, wanted.sign));
    },
    optimizer: adamw(),
    batchSize: 32,
  });
  await learner.fit(60, { lr: 0.02, momentum: 0.9 });
  const losses = learner.run.loss.values();
  expect(losses[0]).toBeGreaterThan(2);
  expect(losses.at(-1)).toBeLessThan(0.5);
  const output = await learner.predict({ a: a.slice(0, 6), b: b.slice(0, 4) });
  expect(output.sum!.shape).toEqual([2, 1]);
  expect(output.sign!.shape).toEqual([2, 2]);
  expect(Math.abs(output.sum!.data[0]! - sums[0]!)).toBeLessThan(1);
  learner.dispose();
});

test("a layer used twice is one set of parameters whose gradients add up", async () => {
  const shared = nn.linear(4, 4, { bias: false });
  const x = noise(8 * 4, 3);
  const data = {
    train: dataSet({ inputs: { data: x, shape: [4] }, targets: { data: noise(8 * 4, 4), shape: [4] } }),
  };
  const device = await testDevice();
  const twice = new Learner({
    device,
    model: nn.sequential(shared, nn.tanh(), shared),
    data,
    loss: nn.mse(),
    optimizer: sgd(),
    batchSize: 8,
  });
  const names = Object.keys(await twice.state());
  expect(names).toEqual(["0.weight"]);
  // The same net with two layers of equal weights: the shared gradient is the sum of theirs.
  const apart = new Learner({
    device,
    model: nn.sequential(nn.linear(4, 4, { bias: false }), nn.tanh(), nn.linear(4, 4, { bias: false })),
    data,
    loss: nn.mse(),
    optimizer: sgd(),
    batchSize: 8,
  });
  const weight = (await twice.state())["0.weight"]!;
  await apart.loadState({ "0.weight": weight, "2.weight": weight });
  await twice.fit(1, { lr: 0.1 });
  await apart.fit(1, { lr: 0.1 });
  const one = (await twice.gradients())["0.weight"]!;
  const both = await apart.gradients();
  for (let i = 0; i < 16; i++) expect(one[i]).toBeCloseTo(both["0.weight"]![i]! + both["2.weight"]![i]!, 5);
  twice.dispose();
  apart.dispose();
});

test("branches concatenate along the channels, residuals add", async () => {
  const model = nn.sequential({
    branches: nn.parallel({
      wide: nn.conv2d(3, 4, { kernel: 3, padding: 1 }),
      point: nn.conv2d(3, 5, { kernel: 1 }),
    }),
    block: nn.residual(nn.conv2d(9, 9, { kernel: 3, padding: 1 }), nn.relu()),
    flatten: nn.flatten(),
    head: nn.linear(9 * 16, 2),
  });
  const count = 32;
  const images = noise(count * 48, 5);
  const labels = Int32Array.from({ length: count }, (_, i) => (images[48 * i]! > 0 ? 1 : 0));
  const data = {
    train: dataSet({
      inputs: { data: images, shape: [3, 4, 4] },
      targets: { data: labels, shape: [] },
      classes: 2,
    }),
  };
  const learner = new Learner({
    device: await testDevice(),
    model,
    data,
    loss: nn.crossEntropy(),
    optimizer: sgd({ momentum: 0.9 }),
    batchSize: 16,
  });
  expect(learner.model.parameters().map((state) => state.name)).toContain("block.body.0.weight");
  await learner.fit(25, { lr: 0.05 });
  expect(learner.run.loss.values().at(-1)).toBeLessThan(0.2);
  learner.dispose();
});

test("the callbacks of a fit run in their order, records in step order, and cancelling stops where it says", async () => {
  const data = {
    train: dataSet({
      inputs: { data: noise(40, 6), shape: [1] },
      targets: { data: noise(40, 7), shape: [1] },
    }),
  };
  const learner = new Learner({
    device: await testDevice(),
    model: nn.linear(1, 1),
    data,
    loss: nn.mse(),
    batchSize: 10,
  });
  const seen: string[] = [];
  const steps: number[] = [];
  learner.use({ name: "late", order: 10, beforeFit: () => void seen.push("late") });
  learner.use({
    name: "early",
    beforeFit: () => void seen.push("beforeFit"),
    beforeEpoch: () => void seen.push("beforeEpoch"),
    beforeBatch: (context) => {
      seen.push(`batch ${context.batch}`);
      context.lr = 0.5 / (1 + context.step);
    },
    onRecord: (record) => void steps.push(record.step),
    afterEpoch: (context) => void seen.push(`afterEpoch ${context.epoch} of ${steps.length} records`),
    afterFit: () => void seen.push("afterFit"),
  });
  await learner.fit(1, { lr: 0.1 });
  expect(seen).toEqual([
    ...["beforeFit", "late", "beforeEpoch", "batch 0", "batch 1", "batch 2", "batch 3"],
    ...["afterEpoch 0 of 4 records", "afterFit"],
  ]);
  expect(steps).toEqual([0, 1, 2, 3]);
  expect([...learner.run.lr.values()].map((lr) => +lr.toFixed(3))).toEqual([0.5, 0.25, 0.167, 0.125]);
  learner.dispose();
});
