import { expect, test } from "vitest";
import { randomBits, randomNormal } from "../../src/core/random.ts";
import {
  ActivationStats,
  accuracy,
  blobSink,
  dataSet,
  eventFileName,
  GradientStats,
  Learner,
  nn,
  privateFileSink,
  sgd,
  TensorBoard,
  WeightStats,
} from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";
import { askPython, NO_PYTHON, pythonAnswers } from "../setup/python-client.ts";

/** A run that writes a TensorBoard log in the browser, beside the statistics that the log must hold. */

interface Events {
  readonly scalars: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  readonly histograms: Readonly<
    Record<
      string,
      readonly { readonly step: number; readonly num: number; readonly counts: readonly number[] }[]
    >
  >;
  readonly texts: Readonly<Record<string, readonly { readonly text: string }[]>>;
}

function noisyLine(count: number) {
  const x = Float32Array.from({ length: 4 * count }, (_, i) => randomNormal(1, i));
  const y = Int32Array.from(
    { length: count },
    (_, i) => (x[4 * i]! > 0 ? 1 : 0) ^ (randomBits(2, i) % 16 === 0 ? 1 : 0),
  );
  return dataSet({ inputs: { data: x, shape: [4] }, targets: { data: y, shape: [] } });
}

test("a log written in the browser holds what was recorded, by TensorBoard's own reader", async ({
  skip,
}) => {
  const chunks: Uint8Array[] = [];
  const log = new TensorBoard({
    write: (chunk) => void chunks.push(chunk),
    histogramsEvery: 4,
    text: { data: "a noisy line" },
  });
  const acts = new ActivationStats({ every: 4 });
  const grads = new GradientStats({ every: 4 });
  const weights = new WeightStats({ every: 4 });
  const learner = new Learner({
    device: await testDevice(),
    model: nn.sequential({ hidden: nn.linear(4, 8), relu: nn.relu(), head: nn.linear(8, 2) }),
    data: { train: noisyLine(160), valid: noisyLine(40) },
    loss: nn.crossEntropy(),
    optimizer: sgd({ momentum: 0.9, weightDecay: 1e-3 }),
    metrics: [accuracy()],
    batchSize: 16,
    callbacks: [log, acts, grads, weights],
  });
  await learner.fitOneCycle(2, { lrMax: 0.1 });
  const { run } = learner;
  learner.dispose();
  const file = new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  expect(file.length).toBeGreaterThan(10_000);
  if (!(await pythonAnswers())) return skip(NO_PYTHON);
  const { output } = await askPython("read_events.py", { [eventFileName(1000)]: file });
  const events = JSON.parse(output) as Events | null;
  if (!events) return skip("the Python of the tests has no tensorboard");

  const column = (values: Float32Array) => [...values].map((value, step) => [step, value]);
  expect(events.scalars["train/loss"]).toEqual(column(run.loss.values()));
  expect(events.scalars["hp/lr"]).toEqual(column(run.lr.values()));
  expect(events.scalars["hp/momentum"]).toEqual(column(run.momentum.values()));
  const valid = run.epochs.map(({ validLoss }, epoch) => [10 * (epoch + 1), Math.fround(validLoss)]);
  expect(events.scalars["valid/loss"]).toEqual(valid);
  const measured = run.epochs.map(({ metrics }, epoch) => [10 * (epoch + 1), Math.fround(metrics.accuracy!)]);
  expect(events.scalars["valid/accuracy"]).toEqual(measured);
  for (const [prefix, recorded] of [
    ["acts", acts.train],
    ["grads", grads.train],
    ["weights", weights.train],
  ] as const) {
    for (const layer of recorded.layers) {
      const found = events.histograms[`${prefix}/${layer}`]!;
      const { counts, bins, steps } = recorded.colorDim(layer);
      expect(found.map(({ step }) => step)).toEqual([...steps]);
      const [under, over] = [recorded.series(layer, "under"), recorded.series(layer, "over")];
      found.forEach((histogram, at) => {
        const own = [...counts.slice(at * bins, (at + 1) * bins)];
        if (prefix !== "acts") own.unshift(under[at]!);
        if (over[at]! > 0) own.push(over[at]!);
        expect(histogram.counts, `${prefix}/${layer}`).toEqual(own);
        expect(histogram.num).toBe(recorded.series(layer, "count")[at]);
      });
    }
  }
  expect(events.texts["hyper-parameters"]![0]!.text).toContain("| weight decay | 0.001 |");
  expect(events.texts["hyper-parameters"]![0]!.text).toContain("| data | a noisy line |");
});

test("sinks of the browser keep the pieces in their order", async () => {
  const name = `events.out.tfevents.${Date.now()}.test`;
  for (const sink of [blobSink(), await privateFileSink(name)]) {
    await sink.write(Uint8Array.of(1, 2, 3));
    await sink.write(Uint8Array.of(4));
    await sink.write(Uint8Array.of(5, 6));
    expect([...new Uint8Array(await (await sink.file()).arrayBuffer())]).toEqual([1, 2, 3, 4, 5, 6]);
  }
  const root = await navigator.storage.getDirectory();
  await root.removeEntry(name);
});

test("what a sink fails with ends the fit with that error", async () => {
  const learner = new Learner({
    device: await testDevice(),
    model: nn.sequential({ head: nn.linear(4, 2) }),
    data: { train: noisyLine(32) },
    loss: nn.crossEntropy(),
    batchSize: 16,
    callbacks: [
      new TensorBoard({ write: () => Promise.reject(new Error("the disk is full")), histogramsEvery: 0 }),
    ],
  });
  await expect(learner.fit(1, { lr: 0.1 })).rejects.toThrow("the disk is full");
  learner.dispose();
});
