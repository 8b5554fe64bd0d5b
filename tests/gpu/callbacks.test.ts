import { describe, expect, test } from "vitest";
import { randomNormal } from "../../src/core/random.ts";
import {
  adam,
  type Callback,
  CancelBatch,
  CancelEpoch,
  CancelFit,
  CancelTrain,
  CancelValidate,
  dataSet,
  type FitContext,
  type HookName,
  Learner,
  type LearnerOptions,
  nn,
} from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** Which hooks run when, what each signal ends, what is left after a hook throws, and an lr finder that leaves no trace. */

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

const NAMES: readonly HookName[] = [
  ...(["beforeFit", "beforeEpoch", "beforeTrain", "beforeBatch", "afterBatch", "afterTrain"] as const),
  ...(["beforeValidate", "afterValidate", "afterEpoch", "afterFit", "afterCancelBatch"] as const),
  ...(["afterCancelTrain", "afterCancelValidate", "afterCancelEpoch", "afterCancelFit"] as const),
];

/** Writes down every hook that runs; one of them throws. Records are counted, since they come when they come. */
function observer(throwing?: { at: HookName; when?: (context: FitContext) => boolean; error: Error }) {
  const seen: string[] = [];
  const records: number[] = [];
  const hooks = Object.fromEntries(
    NAMES.map((name) => [
      name,
      (...values: unknown[]) => {
        const context = values.at(-1) as FitContext;
        seen.push(name);
        if (throwing?.at === name && (throwing.when?.(context) ?? true)) throw throwing.error;
      },
    ]),
  );
  const callback: Callback = { name: "observer", ...hooks, onRecord: ({ step }) => void records.push(step) };
  return { seen, records, callback };
}

const batch = ["beforeBatch", "afterBatch"];
const train = ["beforeTrain", ...batch, ...batch, ...batch, "afterTrain"];
const valid = ["beforeValidate", "afterValidate"];
const epoch = ["beforeEpoch", ...train, ...valid, "afterEpoch"];

describe("the hooks of a fit", () => {
  test("run in fastai's order, callbacks by their order, and all records are there after training", async () => {
    const one = await learner();
    const { seen, records, callback } = observer();
    one.use(callback);
    const order: string[] = [];
    one.use({ name: "late", order: 1, beforeFit: () => void order.push("late") });
    one.use({ name: "early", order: -1, beforeFit: () => void order.push("early") });
    const off = one.on("beforeFit", async () => {
      await Promise.resolve();
      order.push("waits");
    });
    let counted = 0;
    one.on("afterTrain", () => {
      counted = records.length;
    });
    await one.fit(2, { lr: 0.01 });
    expect(seen).toEqual(["beforeFit", ...epoch, ...epoch, "afterFit"]);
    expect(records).toEqual([0, 1, 2, 3, 4, 5]);
    expect(counted).toBe(6);
    expect(order).toEqual(["early", "waits", "late"]);
    off();
    await one.fit(1, { lr: 0.01 });
    expect(order).toEqual(["early", "waits", "late", "early", "late"]);
    one.dispose();
  });

  const inFirst = ({ epoch: e, batch: b }: FitContext) => e === 0 && b === 1;
  const first = ({ epoch: e }: FitContext) => e === 0;
  test.each([
    [
      new CancelBatch(),
      "beforeBatch",
      inFirst,
      [
        ...["beforeTrain", ...batch, "beforeBatch", "afterCancelBatch", "afterBatch", ...batch, "afterTrain"],
        ...valid,
      ],
      5,
      6,
    ],
    [
      new CancelTrain(),
      "beforeBatch",
      inFirst,
      ["beforeTrain", ...batch, "beforeBatch", "afterCancelTrain", "afterTrain", ...valid],
      4,
      6,
    ],
    [
      new CancelValidate(),
      "beforeValidate",
      first,
      [...train, "beforeValidate", "afterCancelValidate", "afterValidate"],
      6,
      6,
    ],
    [
      new CancelEpoch(),
      "beforeBatch",
      inFirst,
      ["beforeTrain", ...batch, "beforeBatch", "afterCancelEpoch"],
      4,
      6,
    ],
  ] as const)("%o ends its own part", async (error, at, when, first_, steps, positions) => {
    const one = await learner();
    const { seen, records, callback } = observer({ at, when, error });
    one.use(callback);
    const lrs: number[] = [];
    one.on("beforeBatch", ({ lr }) => void lrs.push(lr));
    await one.fit(2, { lr: (position) => position });
    expect(seen).toEqual(["beforeFit", "beforeEpoch", ...first_, "afterEpoch", ...epoch, "afterFit"]);
    expect(records).toHaveLength(steps);
    expect(one.steps).toBe(steps);
    // The schedule's position is that of the batch, whatever was left out.
    expect(lrs.at(-1)).toBeCloseTo((positions - 1) / positions, 9);
    expect(one.run.epochs).toHaveLength(2);
    const isValidated = !(error instanceof CancelValidate || error instanceof CancelEpoch);
    expect(Number.isNaN(one.run.epochs[0]!.validLoss)).toBe(!isValidated);
    expect(one.run.epochs[1]!.validLoss).toBeGreaterThan(0);
    one.dispose();
  });

  test("CancelFit ends the fit from a batch, and from a record; afterFit follows", async () => {
    const one = await learner();
    const { seen, callback } = observer({ at: "beforeBatch", when: inFirst, error: new CancelFit() });
    one.use(callback);
    await one.fit(2, { lr: 0.01 });
    expect(seen).toEqual([
      ...["beforeFit", "beforeEpoch", "beforeTrain", ...batch, "beforeBatch", "afterCancelFit", "afterFit"],
    ]);
    one.remove(callback);
    const late = observer();
    one.use(late.callback);
    one.on("onRecord", ({ step }) => {
      if (step === 2) throw new CancelFit();
    });
    await one.fit(50, { lr: 0.01 });
    expect(late.seen.slice(-2)).toEqual(["afterCancelFit", "afterFit"]);
    expect(one.run.epochs.length).toBeLessThan(50);
    expect(one.run.loss.length).toBe(one.steps);
    one.dispose();
  });

  test("a signal that comes too late in onRecord is an error that says so", async () => {
    const one = await learner();
    one.on("onRecord", () => {
      throw new CancelBatch();
    });
    await expect(one.fit(1, { lr: 0.01 })).rejects.toThrow("expected CancelTrain, CancelEpoch or CancelFit");
    one.dispose();
  });
});

describe("a hook that throws", () => {
  test.each(["beforeFit", "beforeBatch", "afterBatch", "afterValidate", "afterEpoch"] as const)(
    "%s: the error comes out, the run so far is whole, training goes on",
    async (at) => {
      const one = await learner();
      const { callback, records } = observer({
        at,
        when: (c) => c.step >= 2 || at === "beforeFit",
        error: new Error("mine"),
      });
      one.use(callback);
      await expect(one.fit(3, { lr: 0.01 })).rejects.toThrow("mine");
      expect(one.run.loss.length).toBe(one.steps);
      expect(records).toEqual([...records.keys()]);
      one.remove(callback);
      const before = one.steps;
      await one.fit(1, { lr: 0.01 });
      expect(one.steps).toBe(before + 3);
      expect(one.run.loss.length).toBe(one.steps);
      expect(one.run.loss.values().every(Number.isFinite)).toBe(true);
      one.dispose();
    },
  );

  test("onRecord: no callback hears later records, the run hears them all, weights are those of the steps sent", async () => {
    const one = await learner();
    const heard: number[] = [];
    one.on("onRecord", ({ step }) => void heard.push(step));
    const off = one.on("onRecord", ({ step }) => {
      if (step === 4) throw new Error("mine");
    });
    await expect(one.fit(20, { lr: 0.01 })).rejects.toThrow("mine");
    expect(heard).toEqual([0, 1, 2, 3, 4]);
    expect(one.run.loss.length).toBe(one.steps);
    const other = await learner();
    other.on("beforeBatch", ({ step }) => {
      if (step === one.steps) throw new CancelFit();
    });
    await other.fit(20, { lr: 0.01 });
    expect(await other.state()).toEqual(await one.state());
    off();
    await one.fit(1, { lr: 0.01 });
    expect(one.run.loss.length).toBe(one.steps);
    one.dispose();
    other.dispose();
  });
});

describe("lrFind", () => {
  const bits = async (one: Learner) => ({
    state: await one.state(),
    optimizer: await one.optimizerState(),
    counters: [one.steps, one.epochs],
    log: [one.run.loss.length, one.run.epochs.length],
  });

  test("leaves weights, optimizer, statistics, counters, order and random state bit-equal", async () => {
    const [one, other] = [await learner(), await learner()];
    for (const each of [one, other]) await each.fit(1, { lr: 0.01 });
    const before = await bits(one);
    const heard = observer();
    one.use(heard.callback);
    const { lrs, losses, suggestions } = await one.lrFind({ steps: 40 });
    expect(await bits(one)).toEqual(before);
    expect(heard.seen).toEqual([]);
    expect(await one.validate("train")).toEqual(await other.validate("train"));
    // The next steps draw the same dropout masks and batches as those of a learner that has not searched.
    for (const each of [one, other]) await each.fit(2, { lr: 0.01 });
    expect([...one.run.loss.values()]).toEqual([...other.run.loss.values()]);
    expect(await bits(one)).toEqual(await bits(other));
    expect(lrs[10]).toBeCloseTo(1e-7 * 1e8 ** 0.25, 12);
    expect(lrs).toHaveLength(losses.length);
    for (const rate of Object.values(suggestions)) expect(rate).toBeGreaterThan(0);
    one.dispose();
    other.dispose();
  });

  test("works before the first step, stops when the loss diverges, fills up after NaN", async () => {
    const [one, other] = [await learner(), await learner()];
    const diverged = await one.lrFind({ startLr: 1e-2, endLr: 1e6, steps: 60 });
    expect(diverged.losses.length).toBeLessThan(60);
    expect(diverged.losses.at(-1)).toBeGreaterThan(4 * Math.min(...diverged.losses));
    const nan = await one.lrFind({ startLr: 1, endLr: 1e38, steps: 30, stopOnDivergence: false });
    expect(nan.losses).toHaveLength(30);
    for (const each of [one, other]) await each.fit(1, { lr: 0.01 });
    expect(await bits(one)).toEqual(await bits(other));
    await expect(one.lrFind({ startLr: 1, endLr: 0.1 })).rejects.toThrow("0 < startLr < endLr");
    one.dispose();
    other.dispose();
  });
});
