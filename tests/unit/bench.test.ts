import { describe, expect, test } from "vitest";
import { compareResults, KERNEL_TOLERANCE, relativeError } from "../../src/bench/agreement.ts";
import { stepModel, stepParameters, workloadArrays } from "../../src/bench/arrays.ts";
import { CASES, selectCases } from "../../src/bench/cases.ts";
import { singleDispatchChoices } from "../../src/bench/lowerings.ts";
import type { CaseResult, ContenderResult } from "../../src/bench/measure.ts";
import { stepData, stepRecipe } from "../../src/bench/our-step.ts";
import { kernelGraph, kernelPlan } from "../../src/bench/ours.ts";
import { channelsFirst, channelsLast, filtersFirst, filtersLast } from "../../src/bench/peers/layout.ts";
import { fitLine, linearity, median, minimum } from "../../src/bench/statistics.ts";
import { takeTurns } from "../../src/bench/turns.ts";
import { workloadCost } from "../../src/bench/workload.ts";
import { fusionLines, scalingLines } from "../../src/cli/bench-tables.ts";
import { caseLines, figure, finalTable, headerLines, pageLines } from "../../src/cli/bench-text.ts";
import { benchCommand, benchOptions } from "../../src/cli/options.ts";
import { compile } from "../../src/compile.ts";
import { BASELINE_TARGET } from "../../src/graph/target.ts";
import { StateTable } from "../../src/plan/state-table.ts";
import { stepGraph } from "../../src/train/graphs.ts";
import { helpText, parseOptions } from "../setup/options.mjs";

describe("cases", () => {
  test("names are unique; a pattern selects by name", () => {
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
    expect(selectCases(/^matmul/i).map(({ name }) => name)).toEqual([
      "matmul 512",
      "matmul 1024",
      "matmul 128x1568x256",
    ]);
    expect(selectCases(null)).toBe(CASES);
  });

  test.each(CASES.filter(({ workload }) => workload.kind !== "step"))(
    "$name compiles to nothing but kernels: no layout is converted",
    ({ workload }) => {
      if (workload.kind === "step") throw new Error("filtered out");
      const { plan } = kernelPlan({ target: BASELINE_TARGET }, workload);
      expect(plan.dispatches.length).toBeGreaterThan(0);
      expect(plan.dispatches.filter(({ label }) => label === "convert_layout")).toEqual([]);
      expect(workloadCost(workload)!.bytes).toBeGreaterThan(0);
    },
  );

  test("FLOPs of the cases are those of the plans", () => {
    for (const { name, workload } of CASES) {
      if (workload.kind !== "matmul" && workload.kind !== "conv") continue;
      const { plan } = kernelPlan({ target: BASELINE_TARGET }, workload);
      const planned = plan.dispatches.reduce((sum, { flops }) => sum + flops, 0);
      expect(planned / workloadCost(workload)!.flops, name).toBeCloseTo(1, 1);
    }
  });

  test("arrays are the same every time, parameters those that a program draws", () => {
    const { workload } = CASES[0]!;
    expect(workloadArrays(workload)).toEqual(workloadArrays(workload));
    if (workload.kind !== "step") throw new Error("the first case is a step");
    expect(Object.keys(stepParameters(stepModel(workload)))).toEqual([
      "hidden.weight",
      "hidden.bias",
      "head.weight",
      "head.bias",
    ]);
  });
});

test("single-dispatch lowerings leave no more dispatches than the chosen ones", () => {
  const size = { model: "cnn", batch: 64, input: [1, 28, 28] } as const;
  const graph = stepGraph(stepRecipe(size), stepData(size), size.batch);
  const count = (choices: Readonly<Record<string, string>>) =>
    compile(graph, { target: BASELINE_TARGET, states: new StateTable(), choices }).dispatches.length;
  expect(count(singleDispatchChoices(graph, BASELINE_TARGET))).toBeLessThan(count({}));
  const { graph: product } = kernelGraph({ kind: "matmul", m: 8, n: 8, k: 4096 });
  const choices = singleDispatchChoices(product, BASELINE_TARGET);
  expect(
    compile(product, { target: BASELINE_TARGET, states: new StateTable(), choices }).dispatches,
  ).toHaveLength(1);
});

describe("agreement", () => {
  const array = (...values: number[]) => Float32Array.from(values);

  test("largest difference over largest magnitude; nothing equals NaN", () => {
    expect(relativeError(array(1, 2, -4), array(1, 2, -4))).toBe(0);
    expect(relativeError(array(1, 2, -4), array(1, 3, -4))).toBe(0.25);
    expect(relativeError(array(0, 0), array(0, 0))).toBe(0);
    expect(relativeError(array(Number.NaN), array(Number.NaN))).toBe(Number.POSITIVE_INFINITY);
    expect(relativeError(array(1), array(1, 1))).toBe(Number.POSITIVE_INFINITY);
  });

  test("every output that both have is compared, none in common is a disagreement", () => {
    const ours = { y: array(1, 2), dx: array(3) };
    expect(compareResults(ours, { y: array(1, 2) })).toEqual([
      { output: "y", error: 0, tolerance: KERNEL_TOLERANCE, agrees: true },
    ]);
    expect(compareResults(ours, { dx: array(4) })[0]!.agrees).toBe(false);
    expect(compareResults(ours, { dy: array(4) })[0]!.agrees).toBe(false);
  });
});

describe("statistics", () => {
  test("median and minimum", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(minimum([3, 1, 2])).toBe(1);
  });

  const point = (work: number, ms: number) => ({ label: `${work}`, work, ms });

  test("a line through points, with neither part below 0", () => {
    const { offset, slope } = fitLine([point(1, 5), point(2, 7), point(4, 11)]);
    expect(offset).toBeCloseTo(3, 9);
    expect(slope).toBeCloseTo(2, 9);
    expect(fitLine([point(1, 1), point(2, 4)]).offset).toBe(0);
    expect(fitLine([point(1, 4), point(2, 2)]).slope).toBe(0);
    expect(fitLine([point(2, 4)])).toEqual({ offset: 0, slope: 2 });
  });

  test("a point is held against the smaller ones only", () => {
    const verdicts = linearity([point(4, 22), point(1, 5), point(2, 7)]);
    expect(verdicts.map(({ work }) => work)).toEqual([1, 2, 4]);
    expect(verdicts[1]!.ratio).toBeUndefined();
    expect(verdicts[2]!.predicted).toBeCloseTo(11, 9);
    expect(verdicts[2]!.ratio).toBeCloseTo(2, 9);
  });
});

test("contenders take turns; a slow one gets the samples that its budget allows", async () => {
  const order: string[] = [];
  const contender = (name: string, ms: number) => ({
    name,
    first: async () => ({}),
    run: async (times: number) => {
      order.push(name);
      return ms * times;
    },
    dispose: () => {},
  });
  const options = { rounds: 3, sampleMs: 10, budgetMs: 1000 };
  const samples = await takeTurns(
    [{ contender: contender("fast", 1) }, { contender: contender("slow", 400), warmMs: 400 }],
    options,
  );
  expect(samples).toEqual([[1, 1, 1], [400]]);
  expect(order).toEqual(["fast", "fast", "slow", "fast", "fast"]);
  expect(await takeTurns([{ contender: contender("slower", 900), warmMs: 900 }], options)).toEqual([[900]]);
});

test("arrays go to channels last and back", () => {
  const array = { shape: [2, 3, 1, 2], data: Float32Array.from({ length: 12 }, (_, i) => i) };
  expect(channelsLast(array).shape).toEqual([2, 1, 2, 3]);
  expect([...channelsLast(array).data.slice(0, 6)]).toEqual([0, 2, 4, 1, 3, 5]);
  expect(channelsFirst(channelsLast(array))).toEqual(array);
  expect(filtersLast(array).shape).toEqual([1, 2, 3, 2]);
  expect(filtersFirst(filtersLast(array))).toEqual(array);
});

describe("options", () => {
  const parse = (...argv: string[]) => benchOptions(parseOptions(benchCommand, argv)?.values ?? {});

  test("what omission means, and every option", () => {
    expect(parse()).toEqual({
      only: null,
      peers: ["jax-js", "tfjs"],
      rounds: 5,
      json: null,
      markdown: false,
      browserArgs: [],
    });
    const argv = ["--only", "conv", "--peers=jax-js", "--rounds", "3", "--json", "b.json", "--markdown"];
    expect(parse(...argv, "--browser-arg", "--a=1", "--browser-arg=--b")).toEqual({
      only: "conv",
      peers: ["jax-js"],
      rounds: 3,
      json: "b.json",
      markdown: true,
      browserArgs: ["--a=1", "--b"],
    });
    expect(parse("--peers", "none").peers).toEqual([]);
  });

  test.each([
    ["--peers=torch", 'expected a list of jax-js, tfjs, or none, got "torch"'],
    ["--only=(", "--only: expected a regular expression"],
    ["--rounds=0", "--rounds: expected a whole number of at least 1"],
  ])("%s is refused", (option, message) => {
    expect(() => parse(option)).toThrow(message);
  });

  test("the help fits", () => {
    for (const line of helpText(benchCommand).split("\n")) expect(line.length, line).toBeLessThanOrEqual(110);
  });
});

describe("text", () => {
  const row = (name: string, ...samples: number[]): ContenderResult => ({
    name,
    samples,
    firstMs: 1234.5,
    dispatches: 14,
    submits: 1,
    buffers: 0,
    bytes: 8_123_456,
    agreement: [],
  });
  const result: CaseResult = {
    name: "matmul 512",
    group: "kernel",
    bound: "flops",
    flops: 268e6,
    bytes: 3e6,
    contenders: [row("wgfit", 50, 40, 60), row("jax-js", 150, 140, 160)],
    handTiled: [{ name: "hand-tiled direct 8x8", samples: [55, 45] }],
    singleDispatches: 12,
    planned: 0,
    lowerBound: 0,
  };
  const ceilings = { fma: 20, copy: 4 };

  test("a case: numbers under their headings, at most 100 columns", () => {
    const lines = [...headerLines(), ...caseLines(result, ceilings)];
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(100);
    expect(lines.join("\n")).toContain("12 dispatches with single-dispatch lowerings");
    expect(lines[3]).toMatch(/wgfit\s+50\.0\s+40\.0\s+5\.36\s+26\.8 %\s+14\s+1\s+0\s+8\.12 MB\s+1235\s+3$/);
    expect(lines[4]).toMatch(/jax-js\s+150\s+140\s+3\.00x/);
    expect(lines[5]).toMatch(/direct 8x8\s+45\.0\s+1\.00x/);
  });

  test("a disagreement or a failure prints in place of times", () => {
    const wrong = { output: "y", error: 0.5, tolerance: 3e-4, agrees: false };
    const contenders = [
      row("wgfit", 50),
      { ...row("jax-js"), agreement: [wrong] },
      { ...row("tfjs"), error: "no" },
    ];
    const text = caseLines({ ...result, contenders, handTiled: [] }, ceilings).join("\n");
    expect(text).toContain("disagrees, so no times: y by 5.0e-1 (tolerance 0.0003)");
    expect(text).toContain("fails: no");
    expect(finalTable([{ ...result, contenders }], ceilings, false)[1]).not.toMatch(/\dx/);
  });

  test("the last table, plain and as Markdown", () => {
    expect(finalTable([result], ceilings, false)[1]).toMatch(
      /^matmul 512\s+50\.0\s+3\.00x \(2, aim 2\.5\)\s+-/,
    );
    expect(finalTable([result], ceilings, true)).toEqual([
      "| case | wgfit ms | jax-js | tfjs | rate | of ceiling | dispatches | memory |",
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
      "| matmul 512 | 50.0 | 3.00x (2, aim 2.5) | - | 5.36 GFLOP/s | 26.8 % | 14 | 8.12 MB |",
    ]);
  });

  test("page, fusion and scaling", () => {
    const files = [{ name: "a.js", bytes: 204800, gzip: 51200 }];
    expect(pageLines({ files, runs: [{ ms: 1500, result: [] }] }).join("\n")).toMatch(/50\.0 KiB .*1\.50 s/s);
    const fused = { samples: [10], dispatches: 20, traffic: 1e6, planned: 1e6, losses: [2, 1] as const };
    const text = fusionLines("mnist-cnn", [
      { without: null, ...fused },
      { without: "fusePointwise", ...fused, samples: [15], losses: [2, 1.1] },
    ]).join("\n");
    expect(text).toMatch(/without fusePointwise\s+15\.0\s+15\.0\s+1\.50x/);
    expect(text).toMatch(/DIFFERS by 1\.0e-1/);
    const scaled = [1, 2, 4].map((work) => ({
      label: `x${work}`,
      flops: work * 1e6,
      bytes: 1e6,
      samples: [work ** 2],
    }));
    expect(scalingLines(scaled).at(-1)).toMatch(/above 1\.15$/);
  });

  test("figures have three digits or so", () => {
    expect([1234.5, 99.9, 5.678, Number.NaN].map(figure)).toEqual(["1235", "99.9", "5.68", "-"]);
  });
});
