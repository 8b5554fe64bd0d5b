import { describe, expect, test } from "vitest";
import { randomUnit } from "../../src/core/random.ts";
import { defineOp, type Kernel } from "../../src/graph/define.ts";
import { input } from "../../src/graph/leaf.ts";
import { trace } from "../../src/graph/trace.ts";
import type { Value } from "../../src/graph/value.ts";
import {
  imageData,
  Learner,
  type LearnerOptions,
  makeModule,
  nn,
  type TuningRecord,
} from "../../src/index.ts";
import { candidates, nodeKey } from "../../src/passes/choose.ts";
import { browserStore, memoryStore } from "../../src/tune/store.ts";
import { tune } from "../../src/tune/tuner.ts";
import { testDevice } from "../setup/gpu.ts";

/** Kernels of one op that differ in speed and truth: what may win, what is remembered, what a run does with it. */

const COUNT = 4096;

type Scaling = Kernel<"x", "y", object>;

/** y = factor·x, in a loop that the compiler cannot leave out. */
function scaling(name: string, factor: string, rounds: number, terms: Partial<Scaling> = {}): Scaling {
  return {
    name,
    ...terms,
    wgsl: `
      @group(0) @binding(0) var<storage, read> x: array<f32>;
      @group(0) @binding(1) var<storage, read_write> y: array<f32>;
      @compute @workgroup_size(64)
      fn ${name}(@builtin(global_invocation_id) id: vec3u) {
        var v = x[id.x];
        for (var i = 0u; i < ${rounds}u; i++) { v = sqrt(v * v); }
        y[id.x] = v * ${factor};
      }`,
    launch: () => ({ grid: [COUNT / 64] }),
  } as Scaling;
}

const slow = scaling("scale_slow", "2.0", 2000);
const quick = scaling("scale_quick", "2.0", 500, { quick: true });
const fast = scaling("scale_fast", "2.0", 1);
const wrong = scaling("scale_wrong", "2.001", 1);
const broken = scaling("scale_broken", "nothing", 1);
const loose = scaling("scale_loose", "2.00001", 1, { precision: "fast" });
const unsuited = scaling("scale_unsuited", "2.0", 1, { suits: () => false });
const plain = scaling("scale_plain", "2.0", 1000);

function opOf(lowerings: readonly Scaling[]) {
  return defineOp<"x", "y">({
    name: "scale",
    inputs: ["x"],
    outputs: ["y"],
    shape: ({ x }) => ({ y: x }),
    lowerings,
    gradient: ({ dy }) => ({ x: dy }),
  });
}

function graphOf(lowerings: readonly Scaling[], x = input("x", [COUNT])) {
  return trace("train", () => ({ outputs: opOf(lowerings)({ x }, {}) }));
}

const all = [slow, quick, fast, wrong, broken, loose, unsuited, plain];

describe("tune", () => {
  test("the fastest that agrees with the plain kernel wins; wrong and broken ones never do", async () => {
    const graph = graphOf(all);
    const { choices, measured } = await tune(await testDevice(), graph, {
      precision: "exact",
      store: memoryStore(),
    });
    expect(choices[nodeKey(graph.nodes[0]!)]).toBe("scale_fast");
    const rejected = measured[0]!.candidates.filter((one) => one.rejected).map(({ name }) => name);
    expect(rejected).toEqual(["scale_wrong", "scale_broken"]);
    expect(measured[0]!.candidates.map(({ name }) => name)).not.toContain("scale_unsuited");
    expect(measured[0]!.candidates[1]!.ms).toBeLessThan(measured[0]!.candidates[0]!.ms);
  });

  test("kernels that trade digits take part only where they may", async () => {
    const device = await testDevice();
    const graph = graphOf([slow, loose, plain]);
    const either = await tune(device, graph, { store: memoryStore() });
    expect(either.choices[nodeKey(graph.nodes[0]!)]).toBe("scale_loose");
    const exact = await tune(device, graph, { store: memoryStore(), precision: "exact" });
    expect(exact.choices[nodeKey(graph.nodes[0]!)]).toBe("scale_plain");
  });

  test("a wrong default is replaced even by a slower kernel", async () => {
    const graph = graphOf([wrong, slow, plain]);
    const { choices } = await tune(await testDevice(), graph, { store: memoryStore() });
    expect(choices[nodeKey(graph.nodes[0]!)]).toBe("scale_plain");
  });

  test("a second start measures nothing, in this page and by the browser's database", async () => {
    const device = await testDevice();
    for (const store of [memoryStore(), browserStore()]) {
      const graph = graphOf([slow, fast, plain]);
      const first = await tune(device, graph, { store });
      const second = await tune(device, graphOf([slow, fast, plain]), { store });
      expect(first.choices).toEqual(second.choices);
      expect(second.measured).toEqual([]);
      expect(second.remembered).toBe(1);
    }
  });

  test("a store that fails costs only the measuring", async () => {
    const failing = {
      load: () => Promise.reject(new Error("no")),
      save: () => Promise.reject(new Error("no")),
    };
    const graph = graphOf([slow, fast, plain]);
    const { choices } = await tune(await testDevice(), graph, { store: failing });
    expect(choices[nodeKey(graph.nodes[0]!)]).toBe("scale_fast");
  });

  test("the default is the first that fits and suits; others can be named", () => {
    const { nodes } = graphOf([unsuited, slow, plain]);
    expect(candidates(nodes[0]!, { maxBufferSize: 0 } as never).map(({ name }) => name)).toEqual([
      "scale_slow",
      "scale_plain",
    ]);
  });
});

const WIDTH = 64;
const scaled = opOf([slow, quick, fast, plain]);

async function learner(options: Partial<LearnerOptions>): Promise<Learner> {
  const images = Float32Array.from({ length: 128 * WIDTH }, (_, i) => randomUnit(7, i));
  const labels = Int32Array.from({ length: 128 }, (_, i) => i % 4);
  return new Learner({
    device: await testDevice(),
    model: nn.sequential({
      scale: makeModule({ kind: "scale", forward: (x) => scaled({ x: x as Value }, {}).y }),
      head: nn.linear(WIDTH, 4),
    }),
    data: { train: imageData({ images, shape: [WIDTH], labels, classes: 4 }) },
    loss: nn.crossEntropy(),
    batchSize: COUNT / WIDTH,
    seed: 3,
    ...options,
  });
}

const losses = (one: Learner) => [...new Uint32Array(one.run.loss.values().slice().buffer)];

describe("a run", () => {
  test("starts on quick kernels, swaps plans between two steps, and writes the swap down", async () => {
    const store = memoryStore();
    // Measuring asks the store a second time: it gets its answer at step 3, and is done before step 4.
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let loads = 0;
    const gated = {
      ...store,
      load: (adapter: string) => (loads++ ? held.then(() => store.load(adapter)) : store.load(adapter)),
    };
    const one = await learner({ tune: "auto", tuneStore: gated });
    let steps = 0;
    one.use({
      name: "wait for the tuner",
      beforeBatch: () => {
        if (++steps !== 4) return undefined;
        release();
        return one.tuning.settled();
      },
    });
    await one.fit(4, { lr: 0.1 });
    const names = one.run.tuning.map(({ step, choices }) => [step, Object.values(choices)[0]]);
    expect(names).toEqual([
      [0, "scale_quick"],
      [4, "scale_fast"],
    ]);
    expect(await one.validate("train")).toMatchObject({ loss: expect.any(Number) });
    const again = await learner({ tune: "auto", tuneStore: store });
    await again.fit(4, { lr: 0.1 });
    expect(again.tuning.result?.measured).toEqual([]);
    expect(again.run.tuning.map(({ step }) => step)).toEqual([0]);
    const off = await learner({});
    await off.fit(4, { lr: 0.1 });
    expect(off.run.tuning).toEqual([]);
    expect(losses(again)).toEqual(losses(off));
    for (const each of [one, again, off]) each.dispose();
  });

  test("a record of choices is replayed at its steps", async () => {
    const key = await keyOfScale();
    const record: TuningRecord[] = [
      { step: 0, choices: { [key]: "scale_quick" } },
      { step: 3, choices: { [key]: "scale_fast" } },
    ];
    const one = await learner({ tune: record });
    await one.fit(3, { lr: 0.1 });
    expect(one.run.tuning).toEqual(record);
    one.dispose();
  });

  test("an unknown mode is refused before anything happens", async () => {
    await expect(learner({ tune: "always" as never })).rejects.toThrow(/tune: expected "off", "auto"/);
  });
});

async function keyOfScale(): Promise<string> {
  const one = await learner({});
  const { nodes } = one.program.stepGraph(one.options.data.train, one.batchSize);
  one.dispose();
  return nodeKey(nodes.find(({ op }) => op.name === "scale")!);
}
