import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { input } from "../../src/graph/leaf.ts";
import { printGraph } from "../../src/graph/print.ts";
import { trace } from "../../src/graph/trace.ts";
import type { State, Value } from "../../src/graph/value.ts";
import { verify } from "../../src/graph/verify.ts";
import { add } from "../../src/ops/add.ts";
import { exp } from "../../src/ops/exp.ts";
import { mul } from "../../src/ops/mul.ts";
import { neg } from "../../src/ops/neg.ts";
import { relu } from "../../src/ops/relu.ts";
import { sum } from "../../src/ops/sum.ts";
import { fusePointwise } from "../../src/passes/fuse-pointwise.ts";
import { TARGET } from "./target.ts";

function _parameter(name: string, shape: readonly number[]): State {
  return { name, shape, dtype: "f32", role: "parameter", init: () => new Float32Array(0) };
}

/** The graph of a function of x [2, 4] and b [4]. */
function capture(body: (values: { x: Value; b: Value }) => Value | Record<string, Value>): Graph {
  return trace("eval", () => {
    const outputs = body({ x: input("x", [2, 4]), b: input("b", [4]) });
    return { outputs: "source" in outputs ? { y: outputs as Value } : (outputs as Record<string, Value>) };
  });
}

/** The graph after a pass, which keeps the invariants. */
function afterPass(pass: (graph: Graph) => Graph, graph: Graph): string {
  const result = pass(graph);
  verify(result, "the pass");
  return printGraph(result);
}

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
