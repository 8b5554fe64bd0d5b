import { describe, expect, test } from "vitest";
import {
  dataSet,
  exportOnnx,
  importOnnx,
  Learner,
  type Loss,
  type Module,
  nn,
  ops,
  sgd,
  type Value,
} from "../../src/index.ts";
import { decodeDoubles, decodeFloats, decodeIntegers, golden } from "../golden/load.ts";
import onnx from "../golden/models/onnx.json";
import onnxSteps from "../golden/models/onnx-steps.json";
import { testDevice } from "../setup/gpu.ts";

/** Nets from ONNX files answer as onnxruntime does, train as PyTorch does, and leave as ONNX again. */

const files = import.meta.glob<string>("../golden/models/*.onnx", {
  eager: true,
  query: "?url",
  import: "default",
});

async function bytesOf(name: string): Promise<Uint8Array> {
  const response = await fetch(files[`../golden/models/onnx-${name}.onnx`]!);
  return new Uint8Array(await response.arrayBuffer());
}

interface Batches {
  readonly inputs: Float32Array;
  readonly shape: readonly number[];
  readonly labels: Int32Array;
  readonly batch: number;
}

async function learnerOf(
  model: Module,
  { inputs, shape, labels, batch }: Batches,
  loss: Loss = nn.crossEntropy(),
): Promise<Learner> {
  return new Learner({
    device: await testDevice(),
    model,
    data: {
      train: dataSet({ inputs: { data: inputs, shape }, targets: { data: labels, shape: [] } }),
    },
    loss,
    optimizer: sgd({ momentum: 0.9, weightDecay: 1e-3 }),
    batchSize: batch,
    shuffle: false,
  });
}

/** A loss for outputs of any shape. */
const meanSquare: Loss = (outputs) => ops.mean(ops.mul(outputs as Value, outputs as Value));

function expectNear(got: ArrayLike<number>, want: ArrayLike<number>): void {
  expect(got.length).toBe(want.length);
  const largest = Math.max(1, ...Array.from(want, Math.abs));
  for (let i = 0; i < want.length; i++) {
    expect(Math.abs(got[i]! - want[i]!), `output ${i}`).toBeLessThanOrEqual(1e-5 * largest);
  }
}

describe.each(golden("onnx", onnx).nets.map((net) => [net.name, net] as const))("%s", (name, net) => {
  test("answers as onnxruntime", async () => {
    const inputs = decodeFloats(net.inputs);
    const [batch = 0, ...shape] = net.inputs.shape;
    const { module } = importOnnx(await bytesOf(name));
    const learner = await learnerOf(module as Module, {
      inputs,
      shape,
      labels: new Int32Array(batch),
      batch,
    });
    const { output } = await learner.predict(inputs);
    expect(output!.shape).toEqual(net.logits.shape);
    expectNear(output!.data, decodeDoubles(net.logits));
    learner.dispose();
  });
});

describe.each(golden("onnxSteps", onnxSteps).runs.map((run) => [run.name, run] as const))(
  "%s",
  (name, run) => {
    test(`trains as PyTorch: ${run.losses.length} steps`, async () => {
      const [steps = 0, batch = 0, ...shape] = run.inputs.shape;
      const { module } = importOnnx(await bytesOf(name));
      const learner = await learnerOf(module as Module, {
        inputs: decodeFloats(run.inputs),
        shape,
        labels: decodeIntegers(run.targets),
        batch,
      });
      await learner.fit(1, { lr: run.lr, momentum: run.momentum });
      const losses = learner.run.loss.values();
      for (let i = 0; i < steps; i++) {
        expect(Math.abs(losses[i]! - run.losses[i]!) / run.losses[i]!, `loss ${i}`).toBeLessThanOrEqual(1e-5);
      }
      const state = await learner.state();
      expect(Object.keys(state).sort()).toEqual(Object.keys(run.after).sort());
      for (const [key, tensor] of Object.entries(run.after)) {
        const want = decodeDoubles(tensor);
        const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        want.forEach((value, i) => {
          expect(Math.abs(value - state[key]![i]!) / largest, `${key} ${i}`).toBeLessThanOrEqual(1e-4);
        });
      }
      learner.dispose();
    });
  },
);

describe("an imported net as part of another", () => {
  const shape = [3, 16, 16];
  const count = 24;
  const inputs = Float32Array.from({ length: count * 768 }, (_, i) => Math.sin(i * i * 0.37) + (i % 3));
  const labels = Int32Array.from({ length: count }, (_, i) => i % 4);

  test("keeps its weights and statistics while frozen, under a new head that learns", async () => {
    const backbone = importOnnx(await bytesOf("resnet-basic"), {
      outputs: "/avgpool/GlobalAveragePool_output_0",
    });
    const [features = 0] = Object.values(backbone.outputs)[0]!;
    const body = backbone.module as Module;
    const model = nn.sequential({ body, flatten: nn.flatten(), head: nn.linear(features, 4) });
    const learner = await learnerOf(model, { inputs, shape, labels, batch: 8 });
    learner.freeze("body");
    const before = await learner.state();
    expect(Object.keys(before)).not.toContain("body.fc.weight");
    await learner.fit(20, { lr: 0.05 });
    const after = await learner.state();
    for (const name of Object.keys(before)) {
      if (name.startsWith("body.")) expect(after[name], name).toEqual(before[name]);
      else expect(after[name], name).not.toEqual(before[name]);
    }
    const losses = learner.run.loss.values();
    expect(losses.at(-1)!).toBeLessThan(0.95 * losses[0]!);
    learner.unfreeze();
    await learner.fit(1, { lr: 0.01 });
    const moved = await learner.state();
    expect(moved["body.stem.0.0.weight"]).not.toEqual(after["body.stem.0.0.weight"]);
    expect(moved["body.stem.0.1.running_mean"]).not.toEqual(after["body.stem.0.1.running_mean"]);
    learner.dispose();
  });

  test.each(["mobilenet-v2", "unet-transposed", "style", "convnext"])(
    "%s leaves as ONNX and answers the same when it is read again",
    async (name) => {
      const imported = importOnnx(await bytesOf(name));
      const batches = { inputs, shape, labels, batch: 4 };
      const first = await learnerOf(imported.module as Module, batches, meanSquare);
      const states = first.model.states().map((state) => [state.name, state.init(state.shape, 0)]);
      const source = { model: first.model, inputs: { x: shape }, state: Object.fromEntries(states) };
      const again = importOnnx(await exportOnnx(source, { batchNorm: "fold" }));
      expect(Object.values(again.outputs)).toEqual(Object.values(imported.outputs));
      const second = await learnerOf(again.module as Module, batches, meanSquare);
      const images = inputs.subarray(0, 3 * 768);
      expectNear((await second.predict(images)).output!.data, (await first.predict(images)).output!.data);
      first.dispose();
      second.dispose();
    },
  );

  test("drops and normalises in training as its layers do", async () => {
    const { module } = importOnnx(await bytesOf("by-hand-7"));
    const learner = await learnerOf(module as Module, { inputs, shape, labels, batch: 8 });
    const plan = await learner.explain();
    expect(plan.includes("batch_norm_moments")).toBe(true);
    expect(plan.includes("dropout")).toBe(true);
    learner.dispose();
  });
});
