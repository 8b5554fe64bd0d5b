import { describe, expect, test } from "vitest";
import { randomNormal } from "../../src/core/random.ts";
import {
  adam,
  type Callback,
  Checkpoint,
  type CheckpointState,
  dataSet,
  EarlyStopping,
  Learner,
  type LearnerOptions,
  metric,
  nn,
  ops,
  Progress,
  Recorder,
  SaveBest,
  Throughput,
} from "../../src/index.ts";
import { singleValue } from "../../src/nn/module.ts";
import { testDevice } from "../setup/gpu.ts";

/** Built-in callbacks on the small net of callbacks.test.ts. */

const noise = (count: number, key: number) =>
  Float32Array.from({ length: count }, (_, i) => randomNormal(key, i));
const data = (count: number, key: number) =>
  dataSet({
    inputs: { data: noise(4 * count, key), shape: [4] },
    targets: { data: noise(count, key + 1), shape: [1] },
  });

async function learner(options: Partial<LearnerOptions> = {}): Promise<Learner> {
  return new Learner({
    device: await testDevice(),
    model: nn.sequential(nn.linear(4, 4), nn.batchNorm(4), nn.tanh(), nn.dropout(0.2), nn.linear(4, 1)),
    data: { train: data(30, 6), valid: data(10, 8) },
    loss: nn.mse(),
    optimizer: adam(),
    batchSize: 10,
    ...options,
  });
}

/** Sets the validation loss that later callbacks see. */
const validLosses = (losses: readonly number[]): Callback => ({
  name: "losses",
  order: -10,
  afterEpoch(context) {
    context.result = { ...context.result!, validLoss: losses[context.epoch]! };
  },
});

describe("callbacks that watch", () => {
  test("Recorder, Throughput and Progress see every step; the run goes as without them", async () => {
    const metrics = [
      metric("distance", (outputs, targets) => ops.mse(singleValue(outputs, "o"), singleValue(targets, "t"))),
    ];
    const plain = await learner({ metrics });
    await plain.fitOneCycle(2);
    const one = await learner({ metrics, trainMetrics: true });
    const recorder = one.use(new Recorder());
    const throughput = one.use(new Throughput());
    const text: string[] = [];
    one.use(new Progress({ write: (line) => void text.push(line), columns: 60 }));
    await one.fitOneCycle(2);
    expect([...one.run.loss.values()]).toEqual([...plain.run.loss.values()]);
    expect([...recorder.column("step")]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...Float32Array.from(recorder.column("loss"))]).toEqual([...one.run.loss.values()]);
    expect(recorder.column("train.distance")).toEqual(recorder.column("loss"));
    expect(recorder.epochs).toEqual(one.run.epochs);
    expect(throughput.epochs).toHaveLength(2);
    expect(throughput.examplesPerSecond).toBeCloseTo(10_000 / throughput.msPerStep, 3);
    const last = text.find((line) => line.includes("epoch 2/2"))!.replace("\r\u001b[K", "");
    expect(last).toMatch(/^epoch 2\/2 {2}train loss \d.*valid loss \d.* distance .* s\n$/);
    expect(text.some((line) => line.includes("1/2 ") && line.includes("loss"))).toBe(true);
    plain.dispose();
    one.dispose();
  });

  test("EarlyStopping ends the fit, SaveBest puts the best epoch's weights back", async () => {
    const losses = [5, 3, 4, 3.5, 2, 1];
    const one = await learner();
    one.use(validLosses(losses));
    const early = one.use(new EarlyStopping({ patience: 2 }));
    const best = one.use(new SaveBest());
    const states: unknown[] = [];
    one.on("afterEpoch", async () => void states.push(await one.state()));
    await one.fit(6, { lr: 0.01 });
    expect(states).toHaveLength(4);
    expect([early.best, best.best]).toEqual(new Array(2).fill({ value: 3, epoch: 1 }));
    expect(await one.state()).toEqual(states[1]);
    expect(states[3]).not.toEqual(states[1]);
    one.dispose();
  });

  test("SaveBest refuses a metric that nobody measures; nothing has been trained then", async () => {
    const one = await learner();
    const before = await one.state();
    one.use(new SaveBest({ monitor: "accuracy" }));
    await expect(one.fit(1, { lr: 0.1 })).rejects.toThrow("expected trainLoss, validLoss, got accuracy");
    expect(await one.state()).toEqual(before);
    one.dispose();
  });

  test("Checkpoint gives the store what it takes to go on bit by bit", async () => {
    const saved = new Map<string, CheckpointState>();
    const one = await learner();
    one.use(new Checkpoint({ store: { save: (name, state) => void saved.set(name, state) }, every: 2 }));
    await one.fit(3, { lr: 0.01 });
    expect([...saved.keys()]).toEqual(["epoch-2", "epoch-3"]);
    const other = await learner();
    const { weights, optimizer, epochs } = saved.get("epoch-2")!;
    await other.loadState(weights);
    await other.loadOptimizerState(optimizer);
    other.epochs = epochs;
    await other.fit(1, { lr: 0.01 });
    expect(await other.state()).toEqual(await one.state());
    expect(await other.optimizerState()).toEqual(await one.optimizerState());
    one.dispose();
    other.dispose();
  });
});
