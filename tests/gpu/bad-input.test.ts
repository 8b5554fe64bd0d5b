import { describe, expect, test } from "vitest";
import { contextOf } from "../../src/gpu/context.ts";
import { dataSet, imageData, Learner, type LearnerOptions, nn, sgd } from "../../src/index.ts";
import { freshDevice, testDevice } from "../setup/gpu.ts";

/** Bad input is refused with a typed error before any GPU work, and what was there stays usable. */

const images = (count: number) => Uint8Array.from({ length: count * 64 }, (_, i) => (i * 37) % 251);
const labels = (count: number) => Int32Array.from({ length: count }, (_, i) => i % 3);
const good = imageData({ images: images(24), shape: [1, 8, 8], labels: labels(24), classes: 3 });

async function learner(options: Partial<LearnerOptions> = {}): Promise<Learner> {
  return new Learner({
    device: await testDevice(),
    model: nn.sequential({
      conv: nn.conv2d(1, 4, { kernel: 3, stride: 2, padding: 1 }),
      relu: nn.relu(),
      flatten: nn.flatten(),
      head: nn.linear(64, 3),
    }),
    data: { train: good },
    loss: nn.crossEntropy(),
    optimizer: sgd(),
    batchSize: 8,
    ...options,
  });
}

describe("data", () => {
  test("empty, of another size than its labels, NaN, labels out of range", () => {
    const empty = { images: images(0), shape: [1, 8, 8], labels: [] };
    expect(() => imageData(empty)).toThrow("data: no examples: expected at least one, got 0");
    const fewer = { images: images(4), shape: [1, 8, 8], labels: labels(3) };
    expect(() => imageData(fewer)).toThrow("data: examples in y: expected 4, as in x, got 3");
    const floats = Float32Array.from([1, 2, Number.NaN, 4]);
    const nan = { inputs: { data: floats, shape: [2] }, targets: { data: labels(2), shape: [] } };
    expect(() => dataSet(nan)).toThrow(
      "data: element 0 of example 1 of x: expected a finite number, got NaN",
    );
    const beyond = { images: images(3), shape: [1, 8, 8], labels: [0, 3, 1], classes: 3 };
    expect(() => imageData(beyond)).toThrow("data: label of example 1 in y: expected a class from 0 to 2");
  });

  test("a label that the model has no output for is refused before the first step", async () => {
    const data = {
      train: imageData({
        images: images(24),
        shape: [1, 8, 8],
        labels: Int32Array.from({ length: 24 }, (_, i) => i % 5),
      }),
    };
    const one = await learner({ data });
    const { submits } = contextOf(await testDevice()).counters;
    await expect(one.fit(1, { lr: 0.1 })).rejects.toThrow(
      "expected a class from 0 to 2 (the model has 3 outputs), got 3",
    );
    expect(contextOf(await testDevice()).counters.submits).toBe(submits);
    one.dispose();
  });

  test("a data set smaller than a batch shrinks the batch and says so", async () => {
    const said: string[] = [];
    const one = await learner({ batchSize: 64, onWarning: (message) => said.push(message) });
    expect(one.batchSize).toBe(24);
    expect(said[0]).toContain("24 examples, fewer than the batch of 64");
    one.dispose();
  });
});

describe("models", () => {
  test("channels that do not fit name the layer and both numbers, and nothing is lost", async () => {
    const model = nn.sequential({ first: nn.conv2d(3, 4, { kernel: 3 }), flatten: nn.flatten() });
    const wrong = await learner({ model });
    const { submits } = contextOf(await testDevice()).counters;
    await expect(wrong.fit(1, { lr: 0.1 })).rejects.toThrow(
      /conv2d: .*channels[\s\S]*3[\s\S]*1[\s\S]*at {4}first/,
    );
    expect(contextOf(await testDevice()).counters.submits).toBe(submits);
    wrong.dispose();
    const one = await learner();
    await one.fit(1, { lr: 0.05 });
    await expect(one.fit(0, { lr: 0.05 })).rejects.toThrow("fit: epochs: expected a positive integer, got 0");
    await expect(one.predict(new Float32Array(63))).rejects.toThrow(
      "predict: length of x: expected a multiple of 64",
    );
    await expect(one.loadState({ "head.weight": [1, 2] })).rejects.toThrow(
      "elements of head.weight: expected 192",
    );
    const before = one.run.loss.length;
    await one.fit(1, { lr: 0.05 });
    expect(one.run.loss.length).toBe(before + 3);
    one.dispose();
  });

  test("a window larger than the image leaves no output", async () => {
    const model = nn.sequential({ conv: nn.conv2d(1, 4, { kernel: 11 }), flatten: nn.flatten() });
    const one = await learner({ model });
    await expect(one.fit(1, { lr: 0.1 })).rejects.toMatchObject({ name: "ShapeError" });
    one.dispose();
  });
});

test("a limit that is exceeded is told with the bytes needed and the bytes granted", async () => {
  const device = await freshDevice({ requiredLimits: {}, requiredFeatures: [] });
  const { maxBufferSize } = contextOf(device).target;
  const one = await learner({
    device,
    model: nn.sequential({ flatten: nn.flatten(), wide: nn.linear(64, 2_000_000) }),
  });
  await expect(one.fit(1, { lr: 0.1 })).rejects.toMatchObject({ name: "DeviceError" });
  expect(maxBufferSize).toBeGreaterThan(0);
  one.dispose();
  device.destroy();
});

test("a lost device is told, not waited for", async () => {
  const device = await freshDevice();
  const one = await learner({ device });
  await one.fit(1, { lr: 0.05 });
  device.destroy();
  await device.lost;
  await expect(one.fit(1, { lr: 0.05 })).rejects.toThrow("device: lost");
});
