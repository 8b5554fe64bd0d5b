import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile.ts";
import { binEdges, FASTAI_BINS } from "../../src/core/histogram.ts";
import { numel } from "../../src/core/shape.ts";
import { dataSet } from "../../src/data/data-set.ts";
import { MODELS, type ModelName } from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { Model } from "../../src/nn/model.ts";
import type { Module } from "../../src/nn/module.ts";
import { mul, neg, relu } from "../../src/ops/index.ts";
import { type Optimizer, sgd } from "../../src/optim/optimizer.ts";
import { StateTable } from "../../src/plan/state-table.ts";
import type { StepPlan } from "../../src/plan/step-plan.ts";
import { evaluateGraph, stepGraph, type WantedProbes } from "../../src/train/graphs.ts";
import { histogramScale, type ProbeRequest } from "../../src/train/probes.ts";
import { StatisticsLog } from "../../src/train/statistics-log.ts";
import { TARGET } from "./target.ts";

const request = (of: ProbeRequest["of"], at: ProbeRequest["at"]): ProbeRequest => ({
  ...{ of, at, every: 1, splits: ["train", "valid"] },
  histogram: FASTAI_BINS,
  receive: () => {},
});

function planOf(
  root: Module,
  example: readonly number[],
  options: {
    requests?: readonly ProbeRequest[];
    pixels?: boolean;
    mode?: "train" | "eval";
    optimizer?: Optimizer;
  },
): { plan: StepPlan; paths: string[] } {
  const { requests, pixels = false, mode = "train", optimizer = sgd({ momentum: 0.9 }) } = options;
  const labels = pixels ? example.slice(1) : [];
  const data = dataSet({
    inputs: { data: new Uint8Array(4 * numel(example)), shape: example },
    targets: { data: new Int32Array(4 * numel(labels)), shape: labels },
  });
  const recipe = {
    ...{ model: new Model(root), loss: nn.crossEntropy(), metrics: [], optimizer },
    ...{ accumulate: 1, trainMetrics: false },
  };
  const wanted: WantedProbes | undefined = requests && { requests, planned: new Map() };
  const build = mode === "train" ? stepGraph : evaluateGraph;
  const plan = compile(build(recipe, data, 4, wanted), { target: TARGET, states: new StateTable() });
  return { plan, paths: [...(wanted?.planned.values() ?? [])].map(({ path }) => path) };
}

/**
 * Dispatches without where their memory lies: text and size, an array that shares its buffer with what is written
 * (and is declared writable for that) as any other. Conversions between layouts move bits as they are, and
 * may come earlier where a probe needs them too.
 */
const dispatches = ({ dispatches: all, pipelines }: StepPlan) =>
  all.flatMap(({ label, pipeline, grid, path }) =>
    label === "convert_layout"
      ? []
      : [`${path} ${grid} ${pipelines[pipeline]!.code.replaceAll("read_write", "read")}`],
  );

/** True if `few` are found among `many` in their order. */
function isWithin(few: readonly string[], many: readonly string[]): boolean {
  let at = 0;
  for (const one of many) if (one === few[at]) at++;
  return at === few.length;
}

const everything = [
  request("activations", "*"),
  request("activations", () => true),
  request("activationGradients", "*"),
  request("gradients", "*"),
  request("weights", "*"),
  request("updates", "*"),
];

describe("a plan with statistics", () => {
  test.each(Object.keys(MODELS) as ModelName[])("%s keeps every kernel of the step", (name) => {
    const { build, input, labels } = MODELS[name];
    const make = () => build({ input, classes: 10 });
    const pixels = labels === "pixel";
    const plain = dispatches(planOf(make(), input, { pixels }).plan);
    const { plan, paths } = planOf(make(), input, { pixels, requests: everything });
    const probed = dispatches(plan);
    expect(isWithin(plain, probed)).toBe(true);
    expect(paths.length).toBeGreaterThan(15);
    expect(Object.keys(plan.outputs).length).toBe(new Set(Object.keys(plan.outputs)).size);
    const evaluation = dispatches(planOf(make(), input, { pixels, mode: "eval" }).plan);
    const observed = planOf(make(), input, { pixels, mode: "eval", requests: everything.slice(0, 1) }).plan;
    expect(isWithin(evaluation, dispatches(observed))).toBe(true);
  });

  test("adds two dispatches for a stored value, and a copy of the chain for one that fusion removed", () => {
    const make = () =>
      nn.sequential({
        conv: nn.conv2d(1, 4, { kernel: 3 }),
        relu: nn.relu(),
        tanh: nn.tanh(),
        flat: nn.flatten(),
      });
    const count = (requests?: readonly ProbeRequest[]) =>
      planOf(make(), [1, 6, 6], { mode: "eval", ...(requests && { requests }) }).plan.dispatches.length;
    const plain = count();
    expect(count([request("activations", "flat")])).toBe(plain + 2);
    expect(count([request("activations", "relu")])).toBeGreaterThan(plain + 2);
  });
});

describe("selectors", () => {
  const net = () =>
    nn.sequential({
      a: nn.sequential({ conv: nn.conv2d(1, 2, { kernel: 3 }), relu: nn.relu() }),
      b: nn.sequential({ conv: nn.conv2d(2, 2, { kernel: 3 }), relu: nn.relu() }),
      flat: nn.flatten(),
    });
  const pathsOf = (of: ProbeRequest["of"], at: ProbeRequest["at"]) =>
    planOf(net(), [1, 8, 8], { requests: [request(of, at)] }).paths;

  test.each<[ProbeRequest["of"], ProbeRequest["at"], string[]]>([
    ["activations", "a.relu", ["a.relu"]],
    ["activations", "a", ["a"]],
    ["activations", "*.relu", ["a.relu", "b.relu"]],
    ["activations", "b.*", ["b.conv", "b.relu"]],
    ["activations", ["b.relu", "flat"], ["b.relu", "flat"]],
    ["activations", { op: "relu" }, ["a.relu", "b.relu"]],
    ["activations", { op: "conv2d" }, ["a.conv", "b.conv"]],
    ["activations", ({ kind }) => kind === "flatten", ["flat"]],
    ["activationGradients", { op: "relu" }, ["a.relu", "b.relu"]],
    ["gradients", "b.conv.weight", ["b.conv.weight"]],
    ["gradients", "b", ["b.conv.weight", "b.conv.bias"]],
    ["weights", "*.bias", ["a.conv.bias", "b.conv.bias"]],
  ])("%s at %j", (of, at, paths) => {
    expect(pathsOf(of, at)).toEqual(paths);
  });

  test("a selector that chooses nothing names what there is", () => {
    expect(() => pathsOf("activations", "a.rellu")).toThrow('expected "a.relu", got "a.rellu"');
    expect(() => pathsOf("weights", () => false)).toThrow("one of a.conv.weight, a.conv.bias");
  });

  test("an operator inside a layer of one's own is found by its name", () => {
    const twice = nn.lambda((x) => mul(relu(x), relu(neg(x))), "twice");
    const model = nn.sequential({ twice, flat: nn.flatten(), head: nn.linear(64, 3) });
    const { paths } = planOf(model, [1, 8, 8], { requests: [request("activations", { op: "relu" })] });
    expect(paths).toEqual(["twice/relu", "twice/relu#2"]);
  });
});

test("edges of linear and logarithmic bins", () => {
  expect([...binEdges({ bins: 4, range: [0, 2], scale: "linear" })]).toEqual([0, 0.5, 1, 1.5, 2]);
  const log = binEdges({ bins: 4, range: [1e-2, 1e2], scale: "log" });
  for (const [k, edge] of [0.01, 0.1, 1, 10, 100].entries()) expect(log[k]).toBeCloseTo(edge, 10);
  expect(histogramScale({})).toEqual({ bins: 40, range: [0, 10], scale: "linear" });
  expect(histogramScale({ scale: "log", bins: 8 })).toEqual({ bins: 8, range: [1e-8, 100], scale: "log" });
});

test("a log of statistics as JSON and back", () => {
  const log = new StatisticsLog({ bins: 3, range: [0, 3], scale: "linear" });
  const numbers = { count: 6, mean: 0.5, std: Number.NaN, min: -1, max: 2, norm: 3, nan: 1, inf: 0 };
  const shares = { signedBelow005: 0.25, firstBinShare: 0.5, under: 0, over: 2 };
  for (const step of [0, 10]) {
    const bins = Uint32Array.of(step, 2, 3);
    const statistics = { ...numbers, ...shares, bins };
    log.add([{ of: "activations", path: "a.relu", kind: "relu", shape: [6], statistics }], { step });
  }
  const copy = StatisticsLog.fromJSON(JSON.parse(JSON.stringify(log)));
  expect(copy.layers).toEqual(["a.relu"]);
  expect(copy.toJSON()).toEqual(log.toJSON());
  const { counts, steps, bins, edges, display } = copy.colorDim("a.relu");
  expect([...counts]).toEqual([0, 2, 3, 10, 2, 3]);
  expect([...steps]).toEqual([0, 10]);
  expect(bins).toBe(3);
  expect([...edges]).toEqual([0, 1, 2, 3]);
  expect(display()[3]).toBeCloseTo(Math.log(11), 6);
  expect([...copy.std("a.relu")]).toEqual([Number.NaN, Number.NaN]);
  expect([...copy.dead("a.relu")]).toEqual([0.5, 0.5]);
  expect(() => copy.mean("a.rellu")).toThrow('expected "a.relu"');
  expect(() =>
    StatisticsLog.fromJSON({
      histogram: log.histogram,
      layers: { x: { ...log.toJSON().layers["a.relu"]!, steps: [1] } },
    }),
  ).toThrow("count of x: expected 1 numbers, got 2");
});
