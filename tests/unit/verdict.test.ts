import { describe, expect, test } from "vitest";
import { expectation, type VerdictResult, verdictRuns } from "../../src/cli/verdict-runs.ts";
import { confusionTable, verdictTable } from "../../src/cli/verdict-text.ts";
import { FASTAI_BINS } from "../../src/core/histogram.ts";
import { LayerWatch, type Verdict, verdict } from "../../src/train/verdict.ts";

/** A histogram of 1000 activations of which 99 % lie below a level, and `inactive` in the first bin. */
function histogram(level: number, inactive = 0.5): number[] {
  const bins = new Array<number>(FASTAI_BINS.bins).fill(0);
  const last = Math.max(0, Math.ceil(level / 0.25) - 1);
  bins[0]! += 1000 * inactive;
  bins[last]! += 1000 * (1 - inactive);
  return bins;
}

/** A watch that has seen these levels, one a step. */
function watched(levels: readonly number[], inactive = 0.5): LayerWatch {
  const watch = new LayerWatch(FASTAI_BINS);
  for (const [step, level] of levels.entries()) watch.push(step, histogram(level, inactive));
  return watch;
}

const steady = (level: number, count = 40) => new Array<number>(count).fill(level);
const ramp = (from: number, to: number, count = 20) =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
const wave = [...ramp(0.5, 6), ...ramp(6, 0.5)];

function read(
  layers: Record<string, LayerWatch>,
  more: Partial<Parameters<typeof verdict>[0]> = {},
): Verdict {
  return verdict({ layers: new Map(Object.entries(layers)), ...more });
}

describe("LayerWatch", () => {
  test("a rise that falls to half its peak is one collapse, where it happened", () => {
    const { collapses } = watched(wave);
    expect(collapses).toHaveLength(1);
    const [{ from, peak, to, height, fallen }] = collapses as [(typeof collapses)[0]];
    expect(from).toBeLessThan(4);
    expect(peak).toBeGreaterThan(18);
    expect(peak).toBeLessThan(24);
    expect(to).toBeGreaterThan(peak + 5);
    expect(fallen).toBeLessThanOrEqual(0.5 * height);
  });

  test.each<[string, readonly number[], number]>([
    ["a level that stays", steady(3), 0],
    ["a steady rise", ramp(0.25, 9, 100), 0],
    ["a rise that settles at 60 %", [...ramp(0.5, 5), ...ramp(5, 3), ...steady(3)], 0],
    ["a fall from the start", ramp(8, 0.25, 60), 0],
    ["three waves", [...wave, ...wave, ...wave], 3],
    ["one outlier", [...steady(2, 20), 4, ...steady(2, 20)], 0],
  ])("%s", (_, levels, count) => {
    expect(watched(levels).collapses).toHaveLength(count);
  });

  test("magnitudes beyond the range count as its end; NaN is no level", () => {
    const watch = new LayerWatch(FASTAI_BINS);
    watch.push(0, histogram(1), { over: 500 });
    expect(watch.quantiles).toEqual([10]);
    watch.push(7, histogram(1), { invalid: 1 });
    watch.push(8, histogram(1), { invalid: 3 });
    expect(watch.firstInvalid).toBe(7);
    expect(watch.quantiles).toEqual([10]);
  });
});

describe("verdict", () => {
  test("repeated collapses in a layer, or one in each of two, are rise and crash", () => {
    expect(read({ a: watched(steady(2)), b: watched([...wave, ...wave]) })).toMatchObject({
      ...{ kind: "rise and crash", isHealthy: false, at: ["b"], collapses: { a: 0, b: 2 } },
      sentence:
        "Rise and crash: activations rose and crashed (b 2); try batch norm, a lower learning rate or a warm-up (one-cycle).",
    });
    expect(read({ a: watched(wave), b: watched(wave) }).kind).toBe("rise and crash");
    expect(read({ a: watched(wave), b: watched(steady(1)) })).toMatchObject({
      kind: "one collapse",
      isHealthy: true,
    });
  });

  test("a layer near zero for twenty records is mostly inactive", () => {
    expect(read({ a: watched(steady(0.2), 0.97) })).toMatchObject({ kind: "mostly inactive", at: ["a"] });
    expect(read({ a: watched(steady(0.2, 19), 0.97) }).kind).toBe("healthy");
    expect(read({ a: watched(steady(2), 0.73) }).kind).toBe("healthy");
  });

  test("NaN comes before all else, with the layer that had it first", () => {
    const [late, early] = [watched([...wave, ...wave]), watched(wave)];
    late.push(90, histogram(1), { invalid: 5 });
    early.push(60, histogram(1), { invalid: 5 });
    const { kind, at, sentence } = read({ late, early });
    expect([kind, at]).toEqual(["diverged", ["early"]]);
    expect(sentence).toContain("early gives NaN or infinity from step 60 on");
    const lost = read({ a: watched(steady(2)) }, { losses: [1, Number.NaN] });
    expect(lost.sentence).toContain("the loss is no number from step 1 on");
  });

  test("updates out of proportion to the weights", () => {
    const layers = { a: watched(steady(2)) };
    const ratios = (ratio: number) => ({ updateRatios: new Map([["a.weight", [1e-3, ratio, ratio]]]) });
    expect(read(layers, ratios(2)).kind).toBe("exploding gradients");
    expect(read(layers, ratios(1e-9)).kind).toBe("vanishing gradients");
    expect(read(layers, ratios(2e-3)).kind).toBe("healthy");
  });

  test("advice leaves out batch norm where there is some", () => {
    const waves = { a: watched([...wave, ...wave]) };
    expect(read(waves, { hasBatchNorm: true }).sentence).not.toContain("batch norm");
    expect(read(waves).sentence).toContain("batch norm");
  });
});

test("the command's runs: at least forty, and its tables", () => {
  const runs = verdictRuns(4);
  expect(runs.length).toBe(50);
  expect(new Set(runs.map((run) => JSON.stringify(run))).size).toBe(50);
  const results = runs.map((run): VerdictResult => {
    const bad = expectation(run) === "flagged" && run.seed > 1;
    return {
      ...run,
      ...{ kind: bad ? "rise and crash" : "healthy", isHealthy: !bad, sentence: "", collapses: {} },
      ...{ accuracy: bad ? 0.5 : 0.95, loss: 1, seconds: 1, layers: {}, updateRatios: {} },
    };
  });
  expect(confusionTable(results).map((line) => line.trimEnd().split(/ {2,}/))).toEqual([
    ["", "clean", "flagged"],
    ["batch norm (should be clean)", "25", "0"],
    ["plain at 0.6 (should be flagged)", "4", "9"],
    ["plain, one-cycle (either)", "12", "0"],
  ]);
  const table = verdictTable(results).join("\n");
  expect(table).toMatch(/book, plain, constant 0\.6 +4 +1 +3 +50\.0 % to 95\.0 %/);
  expect(table).toContain("book, plain, constant 0.6 (batch 256, 10 epochs)");
});
