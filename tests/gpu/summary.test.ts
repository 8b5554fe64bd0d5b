import { expect, test } from "vitest";
import { contextOf } from "../../src/gpu/context.ts";
import { adam, buildModel, dataSet, Learner, MODELS, nn, summary } from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** The bytes a summary plans are the bytes of the buffers that a learner makes. */
test.each(["mlp", "book"] as const)("%s: planned bytes are the bytes made", async (name) => {
  const device = await testDevice();
  const { input } = MODELS[name];
  const count = 24;
  const train = dataSet({
    inputs: { data: new Uint8Array(count * 784), shape: input },
    targets: { data: new Int32Array(count), shape: [] },
  });
  const optimizer = adam();
  const model = buildModel(name);
  const { memory } = summary(model, input, {
    batch: 8,
    optimizer,
    data: train,
    target: contextOf(device).target,
  });
  const learner = new Learner({
    device,
    model,
    data: { train },
    loss: nn.crossEntropy(),
    optimizer,
    batchSize: 8,
  });
  await learner.fit(1, { lr: 0.01 });
  const made = learner.program.engine.bufferBytes();
  const renamed = Object.fromEntries(
    Object.entries(memory.buffers).map(([key, bytes]) => [key.replace("input.data.", "input.train."), bytes]),
  );
  expect(made).toEqual(renamed);
  expect(memory.peak).toBe(Object.values(made).reduce((sum, bytes) => sum + bytes, 0));
  learner.dispose();
});
