import { describe, expect, test } from "vitest";
import { randomNormal } from "../../src/core/random.ts";
import type { Value } from "../../src/graph/value.ts";
import {
  dataSet,
  exportOnnx,
  Learner,
  type Module,
  nn,
  ops,
  resnet8,
  tinyDenseNet,
  tinyUnet,
} from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";
import { askPython, NO_PYTHON, pythonAnswers } from "../setup/python-client.ts";

/** Trained nets leave as ONNX: onnxruntime gives the outputs that predict() gives. */

const size = { input: [3, 12, 12], classes: 5 };

/** Operators that the models do not use. */
function gallery(): Module {
  const parts = {
    up: nn.convTranspose2d(3, 6, { kernel: 3, stride: 2, padding: 1, outputPadding: 1, groups: 3 }),
    slope: nn.prelu(6),
    norm: nn.instanceNorm(6, { affine: true, trackRunningStats: true }),
    layer: nn.layerNorm([6, 4]),
    group: nn.groupNorm(2, 6),
    head: nn.linear(24, 5),
  };
  return nn.module(parts, (net, x: Value) => {
    const image = net.norm(net.slope(net.up(x)));
    const window = { kernel: 5, stride: 4, padding: 1, ceilMode: true };
    const pooled = [
      ops.avgPool2d(image, window),
      ops.avgPool2d(image, { ...window, countIncludePad: false }),
      ops.maxPool2d(image, window),
    ].map((one) => ops.adaptiveAvgPool2d(one, { outputSize: [4, 5] }));
    const joined = net.group(pooled.reduce((a, b) => ops.add(a, b)));
    const cut = ops.slice(joined, { starts: [0], ends: [5], axes: [3], steps: [2] });
    const margins = [0, 0, 1, 0].map((before): [number, number] => [before, 0]);
    const wide = ops.pad(ops.permute(cut, [0, 1, 3, 2]), { pads: margins, value: 0.5 });
    const rows = net.layer(ops.permute(wide, [0, 2, 1, 3]));
    const mixed = ops.matmul(rows, rows, { transposeB: true });
    const means = ops.mean(ops.concat([mixed, ops.neg(mixed)], { axis: 1 }), { axes: [3] });
    return net.head(everyActivation(ops.slice(ops.flatten(means), { starts: [24], ends: [48], axes: [1] })));
  });
}

function everyActivation(x: Value): Value {
  const plain = [
    ...[ops.relu, ops.leakyRelu, ops.elu, ops.selu, ops.gelu, ops.silu, ops.hardswish, ops.hardsigmoid],
    ...[ops.sigmoid, ops.tanh, ops.softplus, ops.mish, ops.neg, ops.abs, ops.softmax],
  ].map((activation) => activation(x));
  const line = { axes: [1], keepDims: true };
  const all = [
    ...plain,
    ops.gelu(x, { approximate: "tanh" }),
    ops.softplus(x, { beta: 2 }),
    ops.log(ops.add(ops.exp(ops.minimum(x, 2)), ops.sqrt(ops.maximum(ops.mul(x, x), 0.1)))),
    ops.div(ops.clamp(x, { min: -0.5, max: 1 }), ops.pow(ops.sub(ops.abs(x), -1), 1.5)),
    ops.clamp(x, { max: 0.25 }),
    ops.logSoftmax(ops.mul(x, 0.1)),
    ops.sub(x, ops.mean(x, line)),
    ops.sub(ops.max(x, line), ops.sum(x, line)),
  ];
  return ops.mul(
    all.reduce((a, b) => ops.add(a, b)),
    1 / all.length,
  );
}

interface Outputs {
  readonly [name: string]: { readonly shape: readonly number[]; readonly data: readonly number[] };
}

const cases: readonly (readonly [name: string, model: Module, shape: readonly number[]])[] = [
  ["resnet8", resnet8(size), size.input],
  ["tinyUnet", tinyUnet(size), size.input],
  ["tinyDenseNet", tinyDenseNet(size), size.input],
  ["gallery", gallery(), [3, 6, 6]],
];

describe.each(cases)("%s", (_, model, shape) => {
  const count = 6;
  const elements = shape.reduce((a, b) => a * b, 1);
  const images = Float32Array.from({ length: count * elements }, (_, i) => randomNormal(1, i));

  test("onnxruntime gives what predict gives, whatever the batch size", async ({ skip }) => {
    if (!(await pythonAnswers())) return skip(NO_PYTHON);
    const learner = new Learner({
      device: await testDevice(),
      model,
      data: {
        train: dataSet({
          inputs: { data: images, shape },
          targets: { data: new Float32Array(count), shape: [1] },
        }),
      },
      // Any loss that depends on all outputs: it moves the running statistics off their start.
      loss: (outputs) => ops.mean(ops.mul(outputs as Value, outputs as Value)),
      batchSize: count,
    });
    await learner.fit(2, { lr: 0.01 });
    for (const [batch, batchNorm] of [[1, "keep"] as const, [3, "fold"] as const]) {
      const onnx = await exportOnnx(learner, { batchNorm });
      const data = images.slice(0, batch * elements);
      const { output } = await learner.predict(data);
      const inputs = JSON.stringify({ x: { shape: [batch, ...shape], data: [...data] } });
      const answer = await askPython("run_onnx.py", { "model.onnx": onnx, "inputs.json": inputs });
      const results = JSON.parse(answer.output) as Outputs;
      expect(results.output!.shape).toEqual(output!.shape);
      output!.data.forEach((value, i) => {
        expect(Math.abs(value - results.output!.data[i]!), `output ${i}`).toBeLessThanOrEqual(1e-5);
      });
    }
    learner.dispose();
  });
});
