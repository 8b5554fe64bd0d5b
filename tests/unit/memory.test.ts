import { describe, expect, test } from "vitest";
import { backward } from "../../src/autodiff/backward.ts";
import { explain } from "../../src/cli/explain.ts";
import { compile } from "../../src/compile.ts";
import { PLAIN, physical } from "../../src/core/layout.ts";
import { randomBits } from "../../src/core/random.ts";
import { defineOp } from "../../src/graph/define.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { constant, input, stateValue } from "../../src/graph/leaf.ts";
import { trace } from "../../src/graph/trace.ts";
import type { State, Value } from "../../src/graph/value.ts";
import { add } from "../../src/ops/add.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { exp } from "../../src/ops/exp.ts";
import { linear } from "../../src/ops/linear.ts";
import { mean } from "../../src/ops/mean.ts";
import { mul } from "../../src/ops/mul.ts";
import { relu } from "../../src/ops/relu.ts";
import { reshape } from "../../src/ops/reshape.ts";
import type { Lowered, LoweredDispatch } from "../../src/plan/lower.ts";
import { ALIGNMENT, type Lifetime, lifetimes, type MemoryPlan, planMemory } from "../../src/plan/memory.ts";
import { StateTable } from "../../src/plan/state-table.ts";
import type { PlanBinding, StepPlan } from "../../src/plan/step-plan.ts";
import { scan } from "../../src/wgsl/scan.ts";
import { TARGET } from "./target.ts";

const join = defineOp<"a" | "b" | "c", "y" | "z", { size: number }>({
  name: "join",
  inputs: ["a", "b", "c"],
  outputs: ["y", "z"],
  shape: (_, { size }) => ({ y: [size], z: [Math.max(1, size >> 2)] }),
  lowerings: [{ name: "join", wgsl: "", launch: () => ({ grid: [1] }) }],
  gradient: { none: "not needed" },
});

/** A random graph of nodes with three inputs and two outputs each, as it would be after lowering. */
function randomLowered(seed: number): Lowered {
  let drawn = 0;
  const draw = (below: number) => randomBits(seed, drawn++) % below;
  const aliases = new Map<Value, Value>();
  const graph = trace("train", () => {
    const values: Value[] = [input("x", [1 + draw(5000)])];
    // Mostly recent values, now and then an old one, as skips are.
    const pick = () => values[Math.max(0, values.length - 1 - draw(draw(4) === 0 ? values.length : 4))]!;
    const count = 1 + draw(40);
    for (let i = 0; i < count; i++) {
      const { y, z } = join({ a: pick(), b: pick(), c: pick() }, { size: 1 + draw(20000) });
      values.push(y);
      if (draw(3) === 0) values.push(z);
      if (draw(4) > 0) continue;
      const view = input(`view${i}`, y.shape);
      aliases.set(view, y);
      values.push(view);
    }
    return { outputs: { y: values.at(-1)!, early: values[draw(values.length)]! } };
  });
  const all = graph.nodes.flatMap((node) => Object.values(node.outputs));
  const gradients = new Map<State, Value>();
  if (draw(2) === 0) gradients.set(state("w", [1]), all[draw(all.length)]!);
  return {
    dispatches: graph.nodes.map((node) => ({ node }) as LoweredDispatch),
    physical: new Map(all.map((value) => [value, physical(value.shape, PLAIN)])),
    aliases,
    outputs: graph.outputs,
    gradients,
  };
}

function state(name: string, shape: readonly number[]): State {
  return { name, shape, dtype: "f32", role: "parameter", init: () => new Float32Array(0) };
}

function aliveTogether(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Everything that is wrong with a plan. */
function faults(lives: readonly Lifetime[], plan: MemoryPlan): string[] {
  const found: string[] = [];
  const placed = lives.map((life) => ({ life, ...plan.places.get(life.value)! }));
  placed.forEach((a, i) => {
    if (a.offset % ALIGNMENT !== 0) found.push(`${i} at ${a.offset} is not aligned`);
    if (a.offset + a.life.bytes > plan.buffers[a.buffer]!) found.push(`${i} ends outside its buffer`);
    for (const b of placed.slice(i + 1)) {
      if (a.buffer !== b.buffer) continue;
      if (a.life.hardConflicts.has(b.life.value))
        found.push(`${i} is read twice by the dispatch that writes its neighbour`);
      const overlap = a.offset < b.offset + b.life.bytes && b.offset < a.offset + a.life.bytes;
      if (overlap && aliveTogether(a.life, b.life)) found.push(`${i} overlaps a value that is alive with it`);
    }
  });
  const total = plan.buffers.reduce((sum, bytes) => sum + bytes, 0);
  if (total < plan.lowerBound) found.push(`${total} bytes are under the lower bound ${plan.lowerBound}`);
  if (total > plan.unplanned) found.push(`${total} bytes are more than without a plan, ${plan.unplanned}`);
  return found;
}

describe("planMemory", () => {
  test("two hundred random graphs: nothing alive overlaps, nothing bound twice lies with what is written", () => {
    for (let seed = 0; seed < 200; seed++) {
      const lives = lifetimes(randomLowered(seed));
      expect(faults(lives, planMemory(lives)), `seed ${seed}`).toEqual([]);
    }
  });

  test("the checks above notice mistakes", () => {
    const lives = lifetimes(randomLowered(3));
    const plan = planMemory(lives);
    const moved = new Map(plan.places);
    for (const { value } of lives) moved.set(value, { buffer: 0, offset: 0 });
    expect(faults(lives, { ...plan, places: moved }).length).toBeGreaterThan(lives.length);
    expect(faults(lives, { ...plan, buffers: plan.buffers.map(() => 1) })).not.toEqual([]);
  });

  test("an output lives to the end, a gradient has no place here, a view keeps its original alive", () => {
    const lowered = outputsAndViews();
    const lives = lifetimes(lowered);
    const byShape = new Map(lives.map((life) => [life.value.shape[0], life]));
    expect(byShape.get(11)).toMatchObject({ first: 0, last: 2 });
    expect(byShape.get(12)).toMatchObject({ first: 1, last: 3 });
    expect(byShape.has(13)).toBe(false);
  });

  test("a chain takes no more than its largest step", () => {
    const plan = planMemory(lifetimes(chain([4096, 64, 4096, 64, 4096, 64])));
    expect(plan.buffers.reduce((a, b) => a + b)).toBe(plan.lowerBound);
    expect(plan.lowerBound).toBeLessThan(plan.unplanned / 2);
  });

  test("nothing to place", () => {
    expect(planMemory([])).toMatchObject({ buffers: [], lowerBound: 0, unplanned: 0 });
  });
});

/** Three dispatches: y0 (11) read through a view by the last, y1 (12) an output, y2 (13) a gradient. */
function outputsAndViews(): Lowered {
  const aliases = new Map<Value, Value>();
  let gradient: Value | undefined;
  const graph = trace("train", () => {
    const x = input("x", [4]);
    const y0 = join({ a: x, b: x, c: x }, { size: 11 }).y;
    const view = input("view", [11]);
    aliases.set(view, y0);
    const y1 = join({ a: x, b: x, c: x }, { size: 12 }).y;
    gradient = join({ a: view, b: x, c: x }, { size: 13 }).y;
    return { outputs: { y1 } };
  });
  const all = graph.nodes.flatMap((node) => Object.values(node.outputs));
  return {
    dispatches: graph.nodes.map((node) => ({ node }) as LoweredDispatch),
    physical: new Map(all.map((value) => [value, physical(value.shape, PLAIN)])),
    aliases,
    outputs: graph.outputs,
    gradients: new Map([[state("w", [13]), gradient!]]),
  };
}

function chain(sizes: readonly number[]): Lowered {
  const graph = trace("eval", () => {
    let value = input("x", [4]);
    for (const size of sizes) value = join({ a: value, b: value, c: value }, { size }).y;
    return { outputs: {} };
  });
  const all = graph.nodes.flatMap((node) => Object.values(node.outputs));
  return {
    dispatches: graph.nodes.map((node) => ({ node }) as LoweredDispatch),
    physical: new Map(all.map((value) => [value, physical(value.shape, PLAIN)])),
    aliases: new Map(),
    outputs: {},
    gradients: new Map(),
  };
}

/** A training step without an update: two convolutions with a residual, a linear layer, shared weights. */
function convolutionalStep(batch: number, channels: number): Graph {
  return trace("train", () => {
    const w1 = state("conv1.weight", [channels, 3, 3, 3]);
    const w2 = state("conv2.weight", [channels, channels, 3, 3]);
    const bias = state("conv1.bias", [channels]);
    const fc = state("fc.weight", [5, channels * 36]);
    const h = relu(conv2d(input("x", [batch, 3, 6, 6]), stateValue(w1), stateValue(bias), { padding: 1 }));
    const twice = [0, 1].reduce((v) => add(relu(conv2d(v, stateValue(w2), null, { padding: 1 })), v), h);
    const y = linear(reshape(twice, [batch, channels * 36]), stateValue(fc), null);
    const loss = mean(mul(exp(y), y));
    const states = [w1, bias, w2, fc];
    const found = backward(new Map([[loss, constant(1)]]), states.map(stateValue));
    return { outputs: { loss, y }, gradients: new Map(states.map((s) => [s, found.get(stateValue(s))!])) };
  });
}

/** WebGPU's rules for the bindings of one dispatch, and the sizes of the buffers. */
function bindingFaults(plan: StepPlan, states: StateTable): string[] {
  const sizes = new Map<string, number>([
    ["params", states.flatSize("params") * 4],
    ["grads", states.flatSize("params") * 4],
    ["constants", Math.max(16, plan.constants.length * 4)],
    ...plan.work.map((bytes, i): [string, number] => [`work${i}`, bytes]),
    ...Object.entries(plan.inputs).map(([name, bytes]): [string, number] => [`input.${name}`, bytes]),
  ]);
  return plan.dispatches.flatMap(({ bindings, label, path }) => {
    const where = `${label} at ${path}`;
    const storage = bindings.filter(({ access }) => access !== "uniform");
    const written = storage.filter(({ access }) => access === "read_write");
    const meets = (a: PlanBinding, b: PlanBinding) =>
      a !== b && a.buffer === b.buffer && a.offset < b.offset + b.size && b.offset < a.offset + a.size;
    return [
      ...storage.filter((b) => b.offset % 256 !== 0).map((b) => `${where}: ${b.buffer} at ${b.offset}`),
      ...storage
        .filter((b) => b.offset + b.size > sizes.get(b.buffer)!)
        .map((b) => `${where}: ${b.buffer} is read past its end`),
      ...written
        .filter((w) => storage.some((b) => b.access === "read" && b.buffer === w.buffer))
        .map((w) => `${where}: ${w.buffer} is read and written`),
      ...written
        .filter((w) => written.some((b) => meets(w, b)))
        .map((w) => `${where}: ${w.buffer} is written twice`),
    ];
  });
}

describe("step plans", () => {
  test.each([
    [1, 3],
    [2, 4],
    [5, 7],
    [64, 8],
  ])("bindings of a convolutional step, batch %i with %i channels", (batch, channels) => {
    const states = new StateTable();
    const plan = compile(convolutionalStep(batch, channels), { target: TARGET, states });
    expect(bindingFaults(plan, states)).toEqual([]);
    const { planned, lowerBound, unplanned } = plan.memory;
    expect(planned).toBeGreaterThanOrEqual(lowerBound);
    expect(planned).toBeLessThan(unplanned);
    expect(JSON.parse(JSON.stringify(plan.dispatches))).toEqual(plan.dispatches);
  });

  test.each([
    ["cnn", 64],
    ["resnet8", 32],
    ["book", 64],
    ["tinyUnet", 64],
    ["tinyDenseNet", 64],
  ])(
    "%s, batch %i: at most a tenth more memory than its largest live set, by bindings that are allowed",
    (name, batch) => {
      const { plan, states } = explain(name, batch);
      expect(plan.memory.planned / plan.memory.lowerBound).toBeLessThanOrEqual(1.1);
      expect(bindingFaults(plan, states)).toEqual([]);
      // A buffer that is read and written in one dispatch is declared writable in its text, too.
      for (const { bindings, pipeline } of plan.dispatches) {
        const declared = scan(plan.pipelines[pipeline]!.code).bindings;
        for (const { group, binding, access } of bindings)
          expect(declared.find((one) => one.group === group && one.binding === binding)?.access).toBe(access);
      }
    },
  );

  test("every pass left out in turn: still no binding breaks a rule", () => {
    for (const skip of [
      "fuseLoss",
      "fusePointwise",
      "fuseWindows",
      "fusePrologue",
      "fuseEpilogue",
      "foldViews",
      "commonSubexpression",
      "deadCode",
    ] as const) {
      const states = new StateTable();
      const plan = compile(convolutionalStep(3, 5), { target: TARGET, states, skip: [skip] });
      expect(bindingFaults(plan, states), skip).toEqual([]);
    }
  });

  test("equal graphs give equal plans", () => {
    const text = () =>
      JSON.stringify(
        compile(convolutionalStep(3, 5), { target: TARGET, states: new StateTable() }).dispatches,
      );
    expect(text()).toBe(text());
  });
});
