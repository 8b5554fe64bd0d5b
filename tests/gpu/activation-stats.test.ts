import { describe, expect, test } from "vitest";
import { randomBits, randomUnit } from "../../src/core/random.ts";
import { contextOf } from "../../src/gpu/context.ts";
import {
  ActivationStats,
  type Callback,
  CancelEpoch,
  GradientStats,
  imageData,
  Learner,
  type LearnerOptions,
  nn,
  type ProbeResult,
  type StepRecord,
  sgd,
  TrainingVerdict,
  WeightStats,
} from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** Statistics during training: the same loss bits with and without, the numbers of the values they name. */

const CLASSES = 4;

/** Images whose bright quarter is their class. */
function quarters(count: number, key: number) {
  const labels = Int32Array.from({ length: count }, (_, i) => randomBits(key, i) % CLASSES);
  const images = Uint8Array.from({ length: count * 144 }, (_, i) => {
    const [example, pixel] = [Math.floor(i / 144), i % 144];
    const quarter = (Math.floor(pixel / 12) >= 6 ? 2 : 0) + (pixel % 12 >= 6 ? 1 : 0);
    return Math.floor(randomUnit(key + 1, i) * 120) + (quarter === labels[example] ? 100 : 0);
  });
  return imageData({ images, shape: [1, 12, 12], labels, classes: CLASSES, mean: [0.5], std: [0.25] });
}

/** Fused in every way there is: batch norm with ReLU and pooling, bias with ReLU, a residual sum. */
const net = () =>
  nn.sequential({
    stem: nn.sequential({
      conv: nn.conv2d(1, 6, { kernel: 3, padding: 1, bias: false }),
      norm: nn.batchNorm(6),
      relu: nn.relu(),
      pool: nn.maxPool2d(2),
    }),
    mid: nn.sequential({ conv: nn.conv2d(6, 6, { kernel: 3, padding: 1 }), relu: nn.relu() }),
    block: nn.residual(nn.conv2d(6, 6, { kernel: 1 }), nn.tanh()),
    drop: nn.dropout(0.2),
    flatten: nn.flatten(),
    head: nn.linear(6 * 36, CLASSES),
  });

async function learner(options: Partial<LearnerOptions> = {}): Promise<Learner> {
  return new Learner({
    device: await testDevice(),
    model: net(),
    data: { train: quarters(200, 1), valid: quarters(64, 2) },
    loss: nn.crossEntropy(),
    optimizer: sgd({ momentum: 0.9 }),
    batchSize: 16,
    seed: 5,
    ...options,
  });
}

const bits = (one: Learner): number[] => [...new Uint32Array(one.run.loss.values().slice().buffer)];

describe("statistics while training", () => {
  test("leave the loss of every step as it is, to the bit", async () => {
    const plain = await learner();
    await plain.fit(2, { lr: 0.05 });
    const acts = new ActivationStats({ every: 3, valid: true });
    const grads = new GradientStats({ every: 6 });
    const inner = new GradientStats({ of: "activations", every: 6 });
    const weights = new WeightStats({ every: 6 });
    const probed = await learner({ callbacks: [acts, grads, inner, weights] });
    const records: StepRecord[] = [];
    probed.use({ name: "records", onRecord: (record) => records.push(record) });
    await probed.fit(2, { lr: 0.05 });
    expect(bits(probed)).toEqual(bits(plain));
    expect(probed.run.loss.length).toBe(24);
    expect(probed.run.epochs[1]!.validLoss).toBe(plain.run.epochs[1]!.validLoss);

    expect([...acts.train.steps("stem.relu")]).toEqual([0, 3, 6, 9, 12, 15, 18, 21]);
    // Two batches of 32 in each validation, of which the first is recorded.
    expect([...acts.valid.steps("stem.relu")]).toEqual([12, 24]);
    expect([...grads.train.steps("head.weight")]).toEqual([0, 6, 12, 18]);
    expect(weights.train.layers).toEqual(grads.train.layers);
    expect(records.map(({ step }) => step)).toEqual(Array.from({ length: 24 }, (_, i) => i));
    const counts = records.map(({ probes = [] }) => probes.length);
    const [a, g, i] = [acts.train, grads.train, inner.train].map((log) => log.layers.length);
    expect(counts.slice(0, 7)).toEqual([a! + 3 * g! + i!, 0, 0, a, 0, 0, a! + 3 * g! + i!]);
    for (const layer of ["stem.relu", "mid.relu"]) {
      const { counts: columns, steps } = acts.train.colorDim(layer);
      const over = acts.train.series(layer, "over");
      const elements = 16 * 6 * (layer === "stem.relu" ? 144 : 36);
      for (let column = 0; column < steps.length; column++) {
        const own = columns.slice(column * 40, (column + 1) * 40);
        expect(own.reduce((sum, n) => sum + n, over[column]!)).toBe(elements);
      }
    }
    for (const ratio of weights.updateRatio("head.weight")) {
      expect(ratio).toBeGreaterThan(1e-5);
      expect(ratio).toBeLessThan(1);
    }
    plain.dispose();
    probed.dispose();
  });

  test("name the values that layers give, whatever fusion makes of them", async () => {
    // What a plan without any fusion gives for the same step is what the probes must give.
    const seen: (readonly ProbeResult[])[] = [];
    for (const skip of [false, true]) {
      const one = await learner();
      const callback: Callback = {
        name: "all",
        probes: (["activations", "activationGradients", "gradients", "weights", "updates"] as const).map(
          (of) => ({
            ...{ of, at: "*", every: 1, splits: ["train" as const] },
            histogram: { bins: 40, range: [0, 10] as const, scale: "linear" as const },
            receive: (results: readonly ProbeResult[]) => {
              seen.push(results);
            },
          }),
        ),
      };
      one.use(callback);
      if (skip) {
        const { program } = one;
        const { compile } = await import("../../src/compile.ts");
        program.compile = (graph) =>
          compile(graph, {
            target: contextOf(one.options.device).target,
            states: program.engine.states,
            skip: ["fusePointwise", "fuseEpilogue"],
          });
      }
      one.use({ name: "one step", beforeBatch: ({ batch }) => stopAfter(batch) });
      await one.fit(1, { lr: 0.05 });
      one.dispose();
    }
    const half = seen.length / 2;
    const [fused, plain] = [seen.slice(0, half).flat(), seen.slice(half).flat()];
    expect(fused.map(({ of, path }) => `${of} ${path}`)).toEqual(
      plain.map(({ of, path }) => `${of} ${path}`),
    );
    expect(fused.length).toBeGreaterThan(30);
    for (const [n, { of, path, statistics: got }] of fused.entries()) {
      const want = plain[n]!.statistics;
      expect(got.count, path).toBe(want.count);
      for (const name of ["mean", "std", "min", "max", "norm"] as const)
        expect(Math.abs(got[name] - want[name]), `${name} of ${of} ${path}`).toBeLessThanOrEqual(
          1e-4 * want.norm,
        );
      // Rounding may move a value over the edge of a bin.
      const moved = got.bins.reduce((sum, count, k) => sum + Math.abs(count - want.bins[k]!), 0);
      expect(moved, `bins of ${of} ${path}`).toBeLessThanOrEqual(2 + 0.002 * want.count);
    }
  });
});

test("a diverging net: NaN is counted where it arises, and the verdict says so once", async () => {
  const told: string[] = [];
  const watch = new TrainingVerdict({ onVerdict: ({ kind }, step) => told.push(`${kind} ${step}`) });
  const acts = new ActivationStats({ at: "*.relu", every: 1 });
  const one = await learner({ callbacks: [acts, watch], data: { train: quarters(64, 1) } });
  await one.fit(3, { lr: 1e30 });
  expect(watch.verdict()).toMatchObject({ kind: "diverged", isHealthy: false });
  expect(told).toEqual([expect.stringMatching(/^diverged [1-3]$/)]);
  expect([...watch.layers.keys()]).toEqual(["stem.relu", "mid.relu"]);
  expect([...watch.updateRatios.keys()]).toEqual([
    "stem.conv.weight",
    "mid.conv.weight",
    "block.body.0.weight",
    "head.weight",
  ]);
  const nan = acts.train.series("mid.relu", "nan");
  const inf = acts.train.series("mid.relu", "inf");
  expect(nan[0]! + inf[0]!).toBe(0);
  expect(nan.at(-1)! + inf.at(-1)!).toBeGreaterThan(0);
  one.dispose();
});

function stopAfter(batch: number): void {
  if (batch > 0) throw new CancelEpoch();
}
