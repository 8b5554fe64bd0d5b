import { describe, expect, test } from "vitest";
import { randomNormal } from "../../src/core/random.ts";
import {
  bookNet,
  type Callback,
  CancelFit,
  dataSet,
  drawnDigits,
  exportPyTorch,
  importOnnx,
  Learner,
  type Loss,
  loadSafetensors,
  type Module,
  nn,
  ops,
  type PyTorchFiles,
  readSafetensors,
  resnet8,
  sgd,
  tinyDenseNet,
  tinyUnet,
  type Value,
} from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";
import { askPython, NO_PYTHON, pythonAnswers } from "../setup/python-client.ts";

/** The hand-over to PyTorch: model.py answers as predict() does, train.py goes on with a run under torchrun. */

const size = { input: [3, 12, 12], classes: 5 };
const meanSquare: Loss = (outputs) => ops.mean(ops.mul(outputs as Value, outputs as Value));

/** A forward of one's own: two calls of one part, and operators between. */
function own(): Module {
  const parts = {
    conv: nn.conv2d(3, 6, { kernel: 3, padding: { top: 0, left: 1, bottom: 2, right: 1 } }),
    norm: nn.batchNorm(6),
    act: nn.prelu(6),
    pool: nn.maxPool2d(2),
    head: nn.linear(12, 5),
  };
  return nn.module(parts, (net, x: Value) => {
    const image = net.pool(net.pool(net.act(net.norm(net.conv(x)))));
    const means = ops.mean(image, { axes: [2, 3] });
    const top = ops.max(ops.flatten(image, { start: 2 }), { axes: [2] });
    const both = ops.concat([ops.sub(ops.mul(means, 2), 0.5), ops.maximum(ops.tanh(top), 0.1)], { axis: 1 });
    return ops.div(net.head(both), ops.add(ops.exp(ops.clamp(net.head(both), { min: -1, max: 1 })), 1));
  });
}

const vit = import.meta.glob<string>("../golden/models/onnx-vit.onnx", {
  eager: true,
  query: "?url",
  import: "default",
});

async function imported(): Promise<Module> {
  const response = await fetch(Object.values(vit)[0]!);
  return importOnnx(new Uint8Array(await response.arrayBuffer())).module as Module;
}

interface Outputs {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

async function answerOf(files: PyTorchFiles, shape: readonly number[], data: Float32Array): Promise<Outputs> {
  const inputs = JSON.stringify({ shape, data: [...data] });
  const { output } = await askPython("run_model.py", { ...files, "inputs.json": inputs });
  return JSON.parse(output) as Outputs;
}

function expectNear(got: ArrayLike<number>, want: ArrayLike<number>): void {
  expect(got.length).toBe(want.length);
  const largest = Math.max(1, ...Array.from(want, Math.abs));
  for (let i = 0; i < want.length; i++) {
    expect(Math.abs(got[i]! - want[i]!), `output ${i}`).toBeLessThanOrEqual(1e-5 * largest);
  }
}

const cases: readonly (readonly [
  name: string,
  build: () => Module | Promise<Module>,
  shape: readonly number[],
])[] = [
  ["resnet8", () => resnet8(size), size.input],
  ["tinyUnet", () => tinyUnet(size), size.input],
  ["tinyDenseNet", () => tinyDenseNet(size), size.input],
  ["a forward of one's own", own, size.input],
  ["an imported net", imported, [3, 16, 16]],
];

describe.each(cases)("%s", (_, build, shape) => {
  test("model.py answers as predict does", async ({ skip }) => {
    if (!(await pythonAnswers())) return skip(NO_PYTHON);
    const count = 4;
    const elements = shape.reduce((a, b) => a * b, 1);
    const images = Float32Array.from({ length: count * elements }, (_, i) => randomNormal(3, i));
    const learner = new Learner({
      device: await testDevice(),
      model: await build(),
      data: {
        train: dataSet({
          inputs: { data: images, shape },
          targets: { data: new Int32Array(count), shape: [] },
        }),
      },
      loss: meanSquare,
      batchSize: count,
    });
    await learner.fit(1, { lr: 0.01 });
    const files = await exportPyTorch(learner);
    const { output } = await learner.predict(images);
    const answer = await answerOf(files, [count, ...shape], images);
    expect(answer.shape).toEqual(output!.shape);
    expectNear(answer.data, output!.data);
    learner.dispose();
  });
});

/** Stops a fit after some steps. */
const stopAfter = (steps: number): Callback => ({
  name: "stop",
  beforeBatch: ({ step }) => {
    if (step >= steps) throw new CancelFit();
  },
});

/** An IDX file of bytes. */
function idx(sizes: readonly number[], data: ArrayLike<number>): Uint8Array {
  const file = new Uint8Array(4 + 4 * sizes.length + data.length);
  file.set([0, 0, 8, sizes.length]);
  const view = new DataView(file.buffer);
  sizes.forEach((one, i) => {
    view.setUint32(4 + 4 * i, one);
  });
  file.set(Uint8Array.from(data), 4 + 4 * sizes.length);
  return file;
}

describe("torchrun with two processes", () => {
  test("goes on with a run on digits: the loss falls on, and the weights come back", async ({ skip }) => {
    if (!(await pythonAnswers())) return skip(NO_PYTHON);
    const data = drawnDigits({ count: 2400, valid: 400 });
    const totalSteps = 200;
    const learner = new Learner({
      device: await testDevice(),
      model: bookNet(),
      data,
      loss: nn.crossEntropy(),
      optimizer: sgd({ weightDecay: 1e-4, groups: [{ match: "*.norm.*", weightDecay: 0 }] }),
      batchSize: 40,
      callbacks: [stopAfter(60)],
    });
    const oneCycle = { totalSteps, lrMax: 0.06 };
    await learner.fitOneCycle(totalSteps / 50, { lrMax: 0.06 });
    expect(learner.steps).toBe(60);
    const files = await exportPyTorch(learner, { oneCycle, epochs: 3 });
    const run = JSON.parse(files["run.json"]);
    expect(run.schedule).toEqual({ kind: "oneCycle", totalSteps, lrMax: 0.06, position: 60 });
    const before = await learner.validate();
    const digits = Object.fromEntries(
      (["train", "valid"] as const).flatMap((split) => {
        const { inputs, targets, count } = data[split];
        const prefix = `data/${split === "train" ? "train" : "t10k"}`;
        return [
          [`${prefix}-images-idx3-ubyte`, idx([count, 28, 28], inputs.x!.data)],
          [`${prefix}-labels-idx1-ubyte`, idx([count], targets.y!.data)],
        ];
      }),
    );
    const { output, files: back } = await askPython(
      "train.py",
      { ...files, ...digits },
      {
        module: ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
        args: ["--data", "data", "--batch", "20"],
        read: ["trained/model.safetensors", "trained/run.json"],
      },
    );
    const epochs = output
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
    expect(epochs).toHaveLength(3);
    expect(epochs[0]["valid/loss"]).toBeLessThan(before.loss);
    expect(epochs[2]["train/loss"]).toBeLessThan(epochs[0]["train/loss"]);
    expect(JSON.parse(new TextDecoder().decode(back["trained/run.json"])).schedule.position).toBeCloseTo(
      totalSteps,
      5,
    );
    const weights = back["trained/model.safetensors"]!;
    await loadSafetensors(learner, weights);
    expect(readSafetensors(weights).tensors.size).toBe(learner.model.states().length);
    // Both processes validate with the statistics of the first, which are those that come back.
    const after = await learner.validate();
    expect(Math.abs(after.loss - epochs[2]["valid/loss"])).toBeLessThanOrEqual(1e-4);
    const images = Float32Array.from({ length: 3 * 784 }, (_, i) => randomNormal(5, i));
    const { output: logits } = await learner.predict(images);
    const answer = await answerOf({ ...files, "model.safetensors": weights }, [3, 1, 28, 28], images);
    expectNear(answer.data, logits!.data);
    learner.dispose();
  }, 180_000);
});
