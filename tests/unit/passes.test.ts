import { describe, expect, test } from "vitest";
import { defineOp } from "../../src/graph/define.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { constant, input } from "../../src/graph/leaf.ts";
import { printGraph } from "../../src/graph/print.ts";
import { trace } from "../../src/graph/trace.ts";
import type { Value } from "../../src/graph/value.ts";
import { verify } from "../../src/graph/verify.ts";
import { add } from "../../src/ops/add.ts";
import { div } from "../../src/ops/div.ts";
import { exp } from "../../src/ops/exp.ts";
import { mul } from "../../src/ops/mul.ts";
import { neg } from "../../src/ops/neg.ts";
import { relu } from "../../src/ops/relu.ts";
import { sum } from "../../src/ops/sum.ts";
import { commonSubexpression } from "../../src/passes/common-subexpression.ts";
import { foldConstants } from "../../src/passes/fold-constants.ts";
import { fusePointwise } from "../../src/passes/fuse-pointwise.ts";
import { TARGET } from "./target.ts";

/** The graph of a function of x [2, 4] and b [4]. */
function capture(body: (values: { x: Value; b: Value }) => Value | Record<string, Value>): Graph {
  return trace("eval", () => {
    const outputs = body({ x: input("x", [2, 4]), b: input("b", [4]) });
    return { outputs: "source" in outputs ? { y: outputs as Value } : (outputs as Record<string, Value>) };
  });
}

/** The graph after a pass, which keeps the invariants and leaves its argument alone. */
function afterPass(pass: (graph: Graph) => Graph, graph: Graph): string {
  const before = printGraph(graph);
  const result = pass(graph);
  verify(result, "the pass");
  expect(printGraph(graph)).toBe(before);
  return printGraph(result);
}

/** An op with a kernel that writes its state, and attributes of any kind. */
const count = defineOp<"x" | "counter", "y", { factor?: number; map?: (x: number) => number }>({
  name: "count",
  inputs: ["x", "counter"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  writes: ["counter"],
  lowerings: [{ name: "count", wgsl: "", launch: () => ({ grid: [1] }) }],
  gradient: { none: "a count has none" },
});

const scale = defineOp<"x", "y", { factor: unknown }>({
  name: "scale",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  lowerings: [{ name: "scale", wgsl: "", launch: () => ({ grid: [1] }) }],
  gradient: { none: "not needed" },
});

describe("common-subexpression", () => {
  test("equal nodes merge, and with them what is computed from them", () => {
    const graph = capture(({ x, b }) => ({
      first: mul(exp(add(x, b)), 2),
      second: mul(exp(add(x, b)), 2),
      third: mul(exp(add(x, b)), 3),
    }));
    expect(afterPass(commonSubexpression, graph)).toMatchInlineSnapshot(`
      "%0 [2, 4] = add(a=x [2, 4], b=b [4])
      %1 [2, 4] = exp(x=%0)
      %2 [2, 4] = mul(a=%1, b=2)
      %3 [2, 4] = mul(a=%1, b=3)
      output first = %2
      output second = %2
      output third = %3"
    `);
  });

  test("a node that writes a state is never merged", () => {
    const graph = capture(({ x, b }) => {
      const other = input("other", [4]);
      return { first: count({ x, counter: b }, {}).y, second: count({ x, counter: other }, {}).y };
    });
    expect(commonSubexpression(graph).nodes).toHaveLength(2);
  });

  test.each([
    ["infinities", Infinity, -Infinity],
    ["infinity and none", Infinity, null],
    ["not a number and infinity", Number.NaN, Infinity],
    ["zeros of two signs", 0, -0],
    ["functions", (x: number) => x, (x: number) => -x],
    ["arrays of infinities", [1, Infinity], [1, -Infinity]],
    ["a function and none", () => 1, undefined],
  ])("attributes that JSON does not tell apart keep nodes apart: %s", (_, one, other) => {
    const graph = capture(({ x }) => ({
      a: scale({ x }, { factor: one }).y,
      b: scale({ x }, { factor: other }).y,
    }));
    expect(commonSubexpression(graph).nodes).toHaveLength(2);
  });

  test("equal attributes that are no JSON merge", () => {
    const map = (x: number) => x;
    for (const factor of [Infinity, Number.NaN, map, new Float32Array([1, 2])]) {
      const graph = capture(({ x }) => ({ a: scale({ x }, { factor }).y, b: scale({ x }, { factor }).y }));
      expect(commonSubexpression(graph).nodes).toHaveLength(1);
    }
  });
});

describe("fuse-pointwise", () => {
  const fuse = (graph: Graph) => fusePointwise(graph, TARGET);

  test("a chain becomes one node; a value with two readers stays", () => {
    const graph = capture(({ x, b }) => {
      const h = relu(add(x, b));
      return { chain: neg(exp(h)), other: sum(h) };
    });
    expect(afterPass(fuse, graph)).toMatchInlineSnapshot(`
      "%0 [2, 4] = add→relu(v0=x [2, 4], v1=b [4])
      %1 [2, 4] = exponential→neg(v0=%0)
      %2 [] = sum(x=%0) {axes: [0,1], keepDims: false}
      output chain = %1
      output other = %2"
    `);
  });

  test("a value that both operands of its only reader are is made once", () => {
    const graph = capture(({ x, b }) => {
      const r = relu(x);
      const product = sum(add(x, b));
      return { square: mul(r, r), product };
    });
    expect(afterPass(fuse, graph)).toMatchInlineSnapshot(`
      "%0 [2, 4] = add(a=x [2, 4], b=b [4])
      %1 [] = sum(x=%0) {axes: [0,1], keepDims: false}
      %2 [2, 4] = relu→mul(v0=x [2, 4])
      output square = %2
      output product = %1"
    `);
  });

  test("no more operands than the adapter binds", () => {
    const graph = trace("eval", () => {
      const values = Array.from({ length: 10 }, (_, i) => input(`x${i}`, [4]));
      return { outputs: { y: values.reduce((a, b) => add(a, b)) } };
    });
    const result = fuse(graph);
    verify(result, "the pass");
    for (const node of result.nodes) expect(Object.keys(node.inputs).length).toBeLessThan(8);
    expect(result.nodes.length).toBeLessThan(4);
  });

  test("a broadcast value is not computed again for every element", () => {
    const graph = capture(({ x, b }) => mul(x, exp(b)));
    expect(afterPass(fuse, graph)).toMatchInlineSnapshot(`
      "%0 [4] = exp(x=b [4])
      %1 [2, 4] = mul(a=x [2, 4], b=%0)
      output y = %1"
    `);
  });
});

describe("fold-constants", () => {
  test("arithmetic between numbers is done in f32", () => {
    const graph = capture(({ x }) => mul(x, mul(div(1, 3), 2)));
    expect(afterPass(foldConstants, graph)).toMatchInlineSnapshot(`
      "%0 [2, 4] = mul(a=x [2, 4], b=0.6666666865348816)
      output y = %0"
    `);
  });

  test("a function of one's own with a name that the library has too is not taken for that", () => {
    const add = defineOp({
      name: "saturating_add",
      inputs: ["a", "b"],
      outputs: ["y"],
      shape: ({ a }) => ({ y: a }),
      pointwise: { wgsl: "fn add(a: Elem, b: Elem) -> Elem { return min(a + b, Elem(1.0)); }", fn: "add" },
      gradient: { none: "not needed" },
    });
    const graph = capture(() => add({ a: constant(1), b: constant(1) }, {}).y);
    expect(foldConstants(graph).nodes).toHaveLength(1);
  });

  test("what f32 does not hold as a literal stays for the device", () => {
    const graph = capture(() => ({ infinity: div(1, 0), large: mul(3e38, 10), none: div(0, 0) }));
    expect(foldConstants(graph).nodes).toHaveLength(3);
  });
});
