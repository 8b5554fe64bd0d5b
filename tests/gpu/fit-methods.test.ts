import { describe, expect, test } from "vitest";
import { randomNormal } from "../../src/core/random.ts";
import {
  adam,
  dataSet,
  Learner,
  type LearnerOptions,
  nn,
  oneCycle,
  type StepRecord,
  schedules,
  sgd,
} from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** Fit methods, hyper-parameters per group: what each step was given, and what that did to the weights. */

const noise = (count: number, key: number) =>
  Float32Array.from({ length: count }, (_, i) => randomNormal(key, i));

const BODY = [{ match: "body" }];

async function learner(options: Partial<LearnerOptions> = {}): Promise<Learner & { records: StepRecord[] }> {
  const one = new Learner({
    device: await testDevice(),
    model: nn.sequential({
      body: nn.sequential(nn.linear(4, 4), nn.batchNorm(4), nn.tanh()),
      head: nn.linear(4, 1),
    }),
    data: {
      train: dataSet({
        inputs: { data: noise(160, 6), shape: [4] },
        targets: { data: noise(40, 7), shape: [1] },
      }),
    },
    loss: nn.mse(),
    optimizer: sgd({ groups: BODY }),
    batchSize: 10,
    ...options,
  });
  const records: StepRecord[] = [];
  one.use({ name: "records", onRecord: (record) => void records.push(record) });
  return Object.assign(one, { records });
}

const rates = (records: readonly StepRecord[], group: number) =>
  records.map(({ groups }) => groups[group]!.lr);
const closely = (numbers: readonly number[]) => numbers.map((number) => expect.closeTo(number, 9));

describe("fit", () => {
  test("takes a schedule of its own for every hyper-parameter and group; an lr of 0 leaves its group alone", async () => {
    const one = await learner({ optimizer: adam({ groups: BODY }) });
    const before = await one.state();
    await one.fit(1, {
      lr: [0, schedules.linear(0.1, 0.3)],
      momentum: schedules.linear(0.9, 0.5),
      weightDecay: [0, 0.5],
      eps: 1e-6,
      beta2: schedules.linear(0.99, 0.95),
    });
    expect(rates(one.records, 1)).toEqual(closely([0.1, 0.15, 0.2, 0.25]));
    expect(one.records.map(({ momentum }) => momentum)).toEqual(closely([0.9, 0.8, 0.7, 0.6]));
    expect(one.records[1]!.groups).toEqual([
      { lr: 0, momentum: expect.closeTo(0.8, 9), beta2: 0.98, eps: 1e-6, dampening: 0, weightDecay: 0 },
      {
        lr: expect.closeTo(0.15, 9),
        momentum: expect.closeTo(0.8, 9),
        beta2: 0.98,
        eps: 1e-6,
        dampening: 0,
        weightDecay: 0.5,
      },
    ]);
    const after = await one.state();
    expect(after["body.0.weight"]).toEqual(before["body.0.weight"]);
    expect(after["head.weight"]).not.toEqual(before["head.weight"]);
    one.dispose();
  });

  test("refuses an lr and a schedule at once, neither, and a momentum without a buffer", async () => {
    const one = await learner({ optimizer: sgd({ momentum: 0 }) });
    const schedule = oneCycle({ totalSteps: 4, lrMax: 0.1 });
    await expect(one.fit(1, { lr: 1, schedule } as never)).rejects.toThrow(
      "expected lr or schedule, got both",
    );
    await expect(one.fit(1, {} as never)).rejects.toThrow("got neither");
    await expect(one.fit(1, { schedule })).rejects.toThrow("a buffer for it");
    await expect(one.fit(1, { lr: [1, 2] })).rejects.toThrow("one for each of 1 parameter groups");
    await one.fit(1, { lr: 0.1 });
    expect(one.records).toHaveLength(4);
    one.dispose();
  });
});

describe("fit methods with fastai's defaults", () => {
  test("fitOneCycle over groups", async () => {
    const one = await learner();
    await one.fitOneCycle(1, { lrMax: { from: 0.001, to: 0.1 }, weightDecay: 0.01 });
    const [body, head] = [0.001, 0.1].map((lrMax) => oneCycle({ totalSteps: 4, lrMax }));
    expect(rates(one.records, 0)).toEqual(closely([0, 1, 2, 3].map((k) => body!(k).lr)));
    expect(rates(one.records, 1)).toEqual(closely([0, 1, 2, 3].map((k) => head!(k).lr)));
    expect(one.records[2]!.groups[0]).toMatchObject({ weightDecay: 0.01, momentum: head!(2).momentum });
    one.dispose();
  });

  test("fitFlatCos and fitSgdr", async () => {
    const one = await learner();
    await one.fitFlatCos(2);
    const flat = schedules.flatCosine(1e-3, 1e-8);
    expect(rates(one.records, 1)).toEqual(closely(Array.from({ length: 8 }, (_, k) => flat(k / 8))));
    one.records.length = 0;
    await one.fitSgdr(2, 1, { lrMax: [0.01, 0.1] });
    expect(one.run.epochs).toHaveLength(2 + 3);
    const cosine = (k: number, steps: number) => (0.1 * (1 + Math.cos((Math.PI * k) / steps))) / 2;
    const wanted = [
      ...[0, 1, 2, 3].map((k) => cosine(k, 4)),
      ...[0, 1, 2, 3, 4, 5, 6, 7].map((k) => cosine(k, 8)),
    ];
    expect(rates(one.records, 1)).toEqual(closely(wanted));
    expect(rates(one.records, 0)).toEqual(closely(wanted.map((rate) => rate / 10)));
    one.dispose();
  });

  test("fineTune trains the head and batch norm first, then everything at discriminative rates", async () => {
    const one = await learner();
    const before = await one.state();
    let between: typeof before = {};
    one.use({
      name: "between",
      beforeFit: async ({ step }) => {
        if (step === 4) between = await one.state();
      },
    });
    await one.fineTune(2);
    const after = await one.state();
    const changed = (a: typeof before, b: typeof before) =>
      Object.keys(a).filter((name) => String(a[name]) !== String(b[name]));
    expect(changed(before, between)).not.toContain("body.0.weight");
    expect(changed(before, between)).toEqual(
      expect.arrayContaining(["body.1.weight", "body.1.running_mean", "head.weight"]),
    );
    expect(changed(between, after)).toContain("body.0.weight");
    const first = oneCycle({ totalSteps: 4, lrMax: 2e-3, pctStart: 0.99 });
    const second = (lrMax: number) => oneCycle({ totalSteps: 8, lrMax, pctStart: 0.3, div: 5 });
    const steps = [...Array(8).keys()];
    expect(rates(one.records, 1)).toEqual(
      closely([...steps.slice(0, 4).map((k) => first(k).lr), ...steps.map((k) => second(1e-3)(k).lr)]),
    );
    expect(rates(one.records, 0).slice(4)).toEqual(closely(steps.map((k) => second(1e-5)(k).lr)));
    expect(one.model.frozenKey()).toBe("");
    one.dispose();
  });

  test("fineTune without a body says what to do", async () => {
    const one = await learner({ optimizer: sgd() });
    await expect(one.fineTune(1)).rejects.toThrow("no group that covers a layer");
    one.dispose();
  });
});
