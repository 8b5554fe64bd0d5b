import { describe, expect, it } from "vitest";
import { type CyclicOptions, cyclic } from "../../src/optim/cyclic.ts";
import { overSteps, perGroup, spreadRates } from "../../src/optim/hyper-schedules.ts";
import { type OneCycleOptions, oneCycle } from "../../src/optim/one-cycle.ts";
import { adam, groupHypers, sgd } from "../../src/optim/optimizer.ts";
import * as schedules from "../../src/optim/schedule.ts";
import golden from "../golden/schedules.json";

interface Table {
  readonly kind: string;
  readonly indexing?: "fastai" | "torch";
  readonly totalSteps: number;
  readonly lr?: readonly number[];
  readonly momentum?: readonly number[];
  readonly values?: readonly number[];
  readonly error?: string;
  // biome-ignore lint/suspicious/noExplicitAny: the options of many schedulers
  readonly [option: string]: any;
}

const tables = golden.tables as unknown as Table[];
const { baseLr } = golden;
const named = (kind: (kind: string) => boolean) =>
  tables
    .filter((table) => kind(table.kind))
    .map(
      (table, i) =>
        [
          `${table.kind} ${table.shape ?? ""} ${table.indexing ?? ""} ${table.totalSteps} #${i}`,
          table,
        ] as const,
    );

/** Within 1e-6 of the largest number of the table, and of the number itself where it is not tiny. */
function expectTable(got: readonly number[], want: readonly number[]): void {
  expect(got).toHaveLength(want.length);
  const largest = Math.max(...want.map(Math.abs));
  want.forEach((value, step) => {
    const allowed = 1e-6 * Math.max(Math.abs(value), 1e-3 * largest);
    expect(Math.abs(got[step]! - value), `step ${step}: ${got[step]} for ${value}`).toBeLessThanOrEqual(
      allowed,
    );
  });
}

const atSteps = (count: number, at: (step: number) => number) =>
  Array.from({ length: count }, (_, k) => at(k));

describe("oneCycle against recorded tables", () => {
  it.each(named((kind) => kind === "oneCycle"))("%s", (_, table) => {
    const { kind: _kind, lr, momentum, error, moms, ...rest } = table;
    if (error || !lr || !momentum) return;
    const options = { ...rest, ...(moms !== undefined && { momentum: moms }) } as unknown as OneCycleOptions;
    const schedule = oneCycle(options);
    expectTable(
      lr.map((__, k) => schedule(k).lr),
      lr,
    );
    expectTable(
      momentum.map((__, k) => schedule(k).momentum),
      momentum,
    );
  });
});

/** The schedule of each of PyTorch's schedulers over N steps, as a function of k/N. */
const TORCH: Readonly<Record<string, (table: Table) => schedules.Schedule>> = {
  // tMax may be shorter than the run: the cosine then goes up again, as PyTorch's does.
  cosine: ({ tMax, lrMin, totalSteps: n }) => {
    const half = schedules.cosine(baseLr, lrMin);
    return (position) => half((position * n) / tMax);
  },
  cosineWarmRestarts: ({ t0, tMult, lrMin, totalSteps: n }) =>
    schedules.warmRestarts(baseLr, lrMin, { first: t0 / n, multiplier: tMult }),
  step: ({ stepSize, gamma, totalSteps: n }) => schedules.step(baseLr, gamma, stepSize / n),
  multiStep: ({ milestones, gamma, totalSteps: n }) =>
    schedules.step(
      baseLr,
      gamma,
      (milestones as number[]).map((milestone) => milestone / n),
    ),
  exponential: ({ gamma, totalSteps: n }) => schedules.exponential(baseLr, baseLr * gamma ** n),
  polynomial: ({ totalIters, power, totalSteps: n }) => {
    const decay = schedules.polynomialDecay(baseLr, 0, power);
    return (position) => decay((position * n) / totalIters);
  },
  linear: ({ startFactor, endFactor, totalIters, totalSteps: n }) =>
    schedules.combine(
      [totalIters / n, 1 - totalIters / n],
      [schedules.linear(baseLr * startFactor, baseLr * endFactor), schedules.constant(baseLr * endFactor)],
    ),
  warmUpCosine: ({ warmUp, startFactor, lrMin, totalSteps: n }) =>
    schedules.warmUp(warmUp / n, schedules.cosine(baseLr, lrMin), startFactor),
};

describe("schedules against PyTorch's schedulers", () => {
  it.each(named((kind) => kind in TORCH))("%s", (_, table) => {
    const schedule = TORCH[table.kind]!(table);
    const { totalSteps } = table;
    expectTable(
      atSteps(totalSteps, (k) => schedule(k / totalSteps)),
      table.lr!,
    );
  });

  it.each(named((kind) => kind === "cyclic"))("%s, lr and momentum", (_, table) => {
    const { lrMin, lrMax, stepsUp, stepsDown, mode, gamma, momMin, momMax, totalSteps: n } = table;
    const options: CyclicOptions = {
      lrMin,
      lrMax,
      stepsUp,
      stepsDown,
      mode,
      gamma,
      momentum: [momMax, momMin],
    };
    const bySteps = cyclic(options);
    expectTable(
      atSteps(n, (k) => bySteps(k).lr),
      table.lr!,
    );
    expectTable(
      atSteps(n, (k) => bySteps(k).momentum),
      table.momentum!,
    );
    const shape = { up: stepsUp / n, down: stepsDown / n, mode, decay: gamma ** n };
    const lr = schedules.triangular(lrMin, lrMax, shape);
    expectTable(
      atSteps(n, (k) => lr(k / n)),
      table.lr!,
    );
  });

  it("knows every recorded scheduler", () => {
    const known = ["oneCycle", "cyclic", "fastai", ...Object.keys(TORCH)];
    expect([...new Set(tables.map(({ kind }) => kind))].sort()).toEqual(known.sort());
  });
});

const PARTS: Readonly<Record<string, (...numbers: number[]) => schedules.Schedule>> = {
  linear: (a, b) => schedules.linear(a!, b!),
  cosine: (a, b) => schedules.cosine(a!, b!),
  constant: (a) => schedules.constant(a!),
};

const FASTAI: Readonly<Record<string, (table: Table) => schedules.Schedule>> = {
  linear: ({ start, end }) => schedules.linear(start, end),
  cosine: ({ start, end }) => schedules.cosine(start, end),
  exponential: ({ start, end }) => schedules.exponential(start, end),
  polynomial: ({ start, end, power }) => schedules.polynomial(start, end, power),
  flatCosine: ({ start, end, share }) => schedules.flatCosine(start, end, share),
  combinedCosine: ({ share, start, middle, end }) => schedules.combinedCosine(share, start, middle, end),
  combine: ({ shares, parts }) =>
    schedules.combine(
      shares,
      (parts as [string, ...number[]][]).map(([name, ...numbers]) => PARTS[name]!(...numbers)),
    ),
  sgdr: ({ cycles, length, lrMax, mult }) => {
    const epochs = atSteps(cycles, (i) => length * mult ** i).reduce((sum, one) => sum + one, 0);
    return schedules.warmRestarts(lrMax, 0, { first: length / epochs, multiplier: mult });
  },
};

describe("schedules against fastai's formulas, by both indexings", () => {
  it.each(named((kind) => kind === "fastai"))("%s", (_, table) => {
    const { totalSteps, indexing, values } = table;
    const schedule = overSteps({ lr: FASTAI[table.shape]!(table) }, { totalSteps, indexing: indexing! });
    expectTable(
      atSteps(totalSteps, (k) => schedule(k).lr as number),
      values!,
    );
  });

  it("knows every recorded shape", () => {
    const shapes = tables.filter(({ kind }) => kind === "fastai").map(({ shape }) => shape as string);
    expect([...new Set(shapes)].sort()).toEqual(Object.keys(FASTAI).sort());
  });

  it.each(golden.rates.map((one) => [`${one.from} to ${one.to} over ${one.groups}`, one] as const))(
    "rates spread %s",
    (_, { from, to, groups, rates }) => {
      expectTable(spreadRates(from === null ? { to } : { from, to }, groups), rates);
    },
  );
});

describe("numbers of a step by group", () => {
  const groups = [
    { match: "a", lrFactor: 0.5 },
    { match: "b", weightDecay: 0 },
  ];

  it("takes one number for all, one for each group, or the optimizer's own", () => {
    const optimizer = adam({ groups, weightDecay: 0.1, betas: [0.9, 0.99], eps: 1e-6 });
    const found = groupHypers(optimizer, { lr: [0.1, 0.2, 0.4], weightDecay: 0.3, momentum: 0.8 });
    expect(found.map(({ lr }) => lr)).toEqual([0.05, 0.2, 0.4]);
    expect(found.map(({ weightDecay }) => weightDecay)).toEqual([0.3, 0, 0.3]);
    expect(found.map(({ momentum, beta2, eps }) => [momentum, beta2, eps])).toEqual(
      new Array(3).fill([0.8, 0.99, 1e-6]),
    );
    expect(groupHypers(optimizer, { lr: 1, weightDecay: [1, 2, 3] }).map((one) => one.weightDecay)).toEqual([
      1, 2, 3,
    ]);
    expect(groupHypers(optimizer, { lr: 1 })[0]).toMatchObject({ momentum: 0.9, weightDecay: 0.1 });
  });

  it("schedules any hyper-parameter, per group too", () => {
    const schedule = overSteps(
      {
        lr: [schedules.constant(1), schedules.linear(0, 1), 3],
        eps: schedules.linear(1, 2),
        weightDecay: { from: 1, to: 4 },
        beta2: [0.1, 0.2, 0.3],
      },
      { totalSteps: 4, groups: 3 },
    );
    expect(schedule(2)).toEqual({
      lr: [1, 0.5, 3],
      eps: 1.5,
      weightDecay: [1, 2, 4],
      beta2: [0.1, 0.2, 0.3],
    });
  });

  it("joins one schedule per group", () => {
    const one = (lrMax: number) => oneCycle({ totalSteps: 4, lrMax });
    expect(perGroup([one(1)])(1)).toEqual(one(1)(1));
    expect(perGroup([one(1), one(2)])(1)).toEqual({
      lr: [one(1)(1).lr, one(2)(1).lr],
      momentum: one(2)(1).momentum,
    });
  });

  it("refuses what would ruin the weights", () => {
    expect(() => groupHypers(sgd(), { lr: Number.NaN })).toThrow("lr of parameter group 0");
    expect(() => groupHypers(sgd(), { lr: -1 })).toThrow("expected a number of at least 0, got -1");
    expect(() => groupHypers(sgd({ groups }), { lr: [1, 2] })).toThrow("lr of parameter group 2");
    expect(() => groupHypers(sgd({ momentum: 0 }), { lr: 1, momentum: 0.9 })).toThrow("a buffer for it");
    expect(() => spreadRates([1, 2], 3)).toThrow("one for each of 3 parameter groups");
    expect(() => spreadRates({ from: 0, to: 1 }, 3)).toThrow("numbers above 0");
  });
});

describe("refuses numbers that make no schedule", () => {
  it.each([
    [() => oneCycle({ totalSteps: 0, lrMax: 0.1 }), "totalSteps: expected a positive integer, got 0"],
    [() => oneCycle({ totalSteps: 10, lrMax: 0.1, pctStart: 2 }), "pctStart"],
    [() => schedules.combine([0.5, 0.6], [schedules.constant(1), schedules.constant(2)]), "add up to 1"],
    [() => schedules.combine([1], []), "one for each of 0 schedules, got 1"],
    [() => schedules.exponential(0, 1), "numbers above 0"],
    [() => schedules.step(1, 0.5, 0), "a share above 0"],
    [() => schedules.warmRestarts(1, 0, { first: 0 }), "a share above 0"],
    [() => schedules.warmRestarts(1, 0, { multiplier: 0.5 }), "at least 1"],
    [() => schedules.triangular(0, 1, { up: 0 }), "shares above 0"],
    [() => cyclic({ lrMin: 0, lrMax: 1, stepsUp: 0 }), "stepsUp"],
  ])("%s", (make, message) => {
    expect(make).toThrow(message);
  });
});

it("a combined schedule begins its parts on their steps, without a gap at the end", () => {
  const sum = schedules.combine([0.1, 0.2, 0.7], [1, 2, 3].map(schedules.constant));
  expect(atSteps(11, (k) => sum(k / 10))).toEqual([1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3]);
  const none = schedules.combine([0, 1], [schedules.constant(1), schedules.constant(2)]);
  expect([none(0), none(1)]).toEqual([2, 2]);
  // 0.7 + 0.1 + 0.2 falls short of 1 by rounding; steps on an edge belong to what follows.
  const edges = schedules.step(1, 0.5, 0.1);
  expect(atSteps(11, (k) => edges(k / 10))).toEqual(atSteps(11, (k) => 0.5 ** k));
});
