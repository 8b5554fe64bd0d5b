import { describe, expect, test } from "vitest";
import { backward } from "../../src/autodiff/backward.ts";
import { compile } from "../../src/compile.ts";
import { defineOp } from "../../src/graph/define.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { constant, input, stateValue } from "../../src/graph/leaf.ts";
import { printGraph } from "../../src/graph/print.ts";
import { scope, trace } from "../../src/graph/trace.ts";
import type { State, Value } from "../../src/graph/value.ts";
import { verify } from "../../src/graph/verify.ts";
import { add } from "../../src/ops/add.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { div } from "../../src/ops/div.ts";
import { exp } from "../../src/ops/exp.ts";
import { linear } from "../../src/ops/linear.ts";
import { mean } from "../../src/ops/mean.ts";
import { mul } from "../../src/ops/mul.ts";
import { neg } from "../../src/ops/neg.ts";
import { relu } from "../../src/ops/relu.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { sum } from "../../src/ops/sum.ts";
import { nodeKey } from "../../src/passes/choose.ts";
import { commonSubexpression } from "../../src/passes/common-subexpression.ts";
import { deadCode } from "../../src/passes/dead-code.ts";
import { expand } from "../../src/passes/expand.ts";
import { foldConstants } from "../../src/passes/fold-constants.ts";
import { foldViews } from "../../src/passes/fold-views.ts";
import { fuseEpilogue } from "../../src/passes/fuse-epilogue.ts";
import { fusePointwise } from "../../src/passes/fuse-pointwise.ts";
import { runPasses } from "../../src/passes/index.ts";
import { StateTable } from "../../src/plan/state-table.ts";
import { TARGET } from "./target.ts";

function parameter(name: string, shape: readonly number[]): State {
  return { name, shape, dtype: "f32", role: "parameter", init: () => new Float32Array(0) };
}

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

describe("fold-views", () => {
  test("a view of a view is a view of the original; one that changes nothing goes away", () => {
    const graph = capture(({ x }) => ({
      flat: reshape(reshape(x, [4, 2]), [8]),
      same: relu(reshape(reshape(x, [8]), [2, 4])),
    }));
    expect(afterPass((g) => deadCode(foldViews(g)), graph)).toMatchInlineSnapshot(`
      "%0 [8] = reshape(x=x [2, 4]) {shape: [8]}
      %1 [2, 4] = relu(x=x [2, 4])
      output flat = %0
      output same = %1"
    `);
  });
});

describe("dead-code", () => {
  test("what nobody reads goes, what writes a state stays", () => {
    const graph = capture(({ x, b }) => {
      exp(exp(x));
      count({ x, counter: b }, {});
      return relu(x);
    });
    expect(afterPass(deadCode, graph)).toMatchInlineSnapshot(`
      "%0 [2, 4] = count(x=x [2, 4], counter=b [4])
      %1 [2, 4] = relu(x=x [2, 4])
      output y = %1"
    `);
  });
});

describe("expand", () => {
  test("a long sum becomes partial sums added in a fixed order, at the path of the sum", () => {
    const graph = trace("eval", () => ({
      outputs: { y: scope("pool", () => sum(input("x", [3, 4096]), { axes: [1] })) },
    }));
    expect(afterPass((g) => expand(g, TARGET, {}), graph)).toMatchInlineSnapshot(`
      "%0 [64, 3] = sum_parts(x=x [3, 4096]) {axes: [1], parts: 64}  @pool
      %1 [3] = sum(x=%0) {axes: [0], keepDims: false}  @pool
      output y = %1"
    `);
  });

  test("a short sum stays", () => {
    const graph = capture(({ x }) => sum(x));
    expect(afterPass((g) => expand(g, TARGET, {}), graph)).toBe(printGraph(graph));
  });
});

describe("fuse-epilogue", () => {
  const fuse = (graph: Graph) => fuseEpilogue(fusePointwise(graph, TARGET), TARGET, {});

  test("bias and activation go into the convolution's store", () => {
    const graph = trace("eval", () => {
      const weight = stateValue(parameter("conv.weight", [8, 4, 3, 3]));
      const bias = stateValue(parameter("conv.bias", [8]));
      const y = scope("conv", () => conv2d(input("x", [2, 4, 6, 6]), weight, bias, { padding: 1 }));
      return { outputs: { y: scope("relu", () => relu(y)) } };
    });
    expect(afterPass((g) => fuse(foldViews(g)), graph)).toMatchInlineSnapshot(`
      "%0 [1, 8, 1, 1] = reshape(x=conv.bias) {shape: [1,8,1,1]}  @conv
      %1 [2, 8, 6, 6] = conv2d[→add→relu](x=x [2, 4, 6, 6], weight=conv.weight, e1=%0) {strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, pad: {"top":1,"left":1,"bottom":1,"right":1}, groups: 1}  @conv
      output y = %1"
    `);
  });

  test("a kernel chosen for the host is the one that is lowered", () => {
    const graph = trace("eval", () => {
      const weight = stateValue(parameter("conv.weight", [8, 4, 3, 3]));
      const y = scope("conv", () => conv2d(input("x", [2, 4, 6, 6]), weight, null, { padding: 1 }));
      return { outputs: { y: scope("relu", () => relu(y)) } };
    });
    const choices = { [nodeKey(graph.nodes[0]!)]: "conv2d_forward_plain" };
    const plan = compile(graph, { target: TARGET, states: new StateTable(), choices });
    expect(plan.dispatches.map(({ label }) => label)).toContain("conv2d_forward_plain");
    expect(plan.dispatches.some(({ detail }) => detail.includes("epilogue=relu"))).toBe(true);
  });

  test("not where somebody else reads the bare result, nor where it is an output", () => {
    const graph = trace("eval", () => {
      const weight = stateValue(parameter("conv.weight", [8, 4, 3, 3]));
      const y = conv2d(input("x", [2, 4, 6, 6]), weight, null, {});
      const z = conv2d(input("z", [2, 4, 6, 6]), weight, null, {});
      return { outputs: { one: relu(y), other: sum(y), z, after: relu(z) } };
    });
    const result = fuse(graph);
    verify(result, "the pass");
    expect(result.nodes.filter((node) => node.epilogue)).toHaveLength(0);
  });

  test("a residual is read at the place of the sum", () => {
    const graph = trace("eval", () => {
      const weight = stateValue(parameter("conv.weight", [4, 4, 3, 3]));
      const x = input("x", [2, 4, 6, 6]);
      const body = conv2d(x, weight, null, { padding: 1 });
      const shortcut = exp(x);
      return { outputs: { y: relu(add(body, shortcut)), sum: sum(shortcut) } };
    });
    expect(afterPass(fuse, graph)).toMatchInlineSnapshot(`
      "%0 [2, 4, 6, 6] = exp(x=x [2, 4, 6, 6])
      %1 [2, 4, 6, 6] = conv2d[→add→relu](x=x [2, 4, 6, 6], weight=conv.weight, e1=%0) {strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, pad: {"top":1,"left":1,"bottom":1,"right":1}, groups: 1}
      %2 [] = sum(x=%0) {axes: [0,1,2,3], keepDims: false}
      output y = %1
      output sum = %2"
    `);
  });

  test("only one of two convolutions takes their sum", () => {
    const graph = trace("eval", () => {
      const weight = stateValue(parameter("conv.weight", [4, 4, 3, 3]));
      const [a, b] = [input("a", [2, 4, 6, 6]), input("b", [2, 4, 6, 6])];
      return { outputs: { y: add(conv2d(a, weight, null, {}), conv2d(b, weight, null, {})) } };
    });
    expect(afterPass(fuse, graph)).toMatchInlineSnapshot(`
      "%0 [2, 4, 4, 4] = conv2d(x=b [2, 4, 6, 6], weight=conv.weight) {strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, pad: {"top":0,"left":0,"bottom":0,"right":0}, groups: 1}
      %1 [2, 4, 4, 4] = conv2d[→add](x=a [2, 4, 6, 6], weight=conv.weight, e1=%0) {strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, pad: {"top":0,"left":0,"bottom":0,"right":0}, groups: 1}
      output y = %1"
    `);
  });
});

describe("all passes", () => {
  /** Forward and backward of a small net: linear, ReLU, linear, mean of squares. */
  function network(): Graph {
    return trace("train", () => {
      const states = {
        w1: parameter("fc1.weight", [3, 4]),
        b1: parameter("fc1.bias", [3]),
        w2: parameter("fc2.weight", [2, 3]),
      };
      const hidden = scope("fc1", () =>
        relu(linear(input("x", [5, 4]), stateValue(states.w1), stateValue(states.b1))),
      );
      const y = scope("fc2", () => linear(hidden, stateValue(states.w2), null));
      const loss = scope("loss", () => mean(mul(y, y)));
      const found = backward(new Map([[loss, constant(1)]]), Object.values(states).map(stateValue));
      const gradients = new Map(Object.values(states).map((state) => [state, found.get(stateValue(state))!]));
      return { outputs: { loss }, gradients };
    });
  }

  test("a small net, forward and backward, before and after", () => {
    const graph = network();
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "%0 [5, 4] = reshape(x=x [5, 4]) {shape: [-1,4]}  @fc1
      %1 [5, 3] = linear(a=%0, b=fc1.weight)  @fc1
      %2 [5, 3] = add(a=%1, b=fc1.bias)  @fc1
      %3 [5, 3] = relu(x=%2)  @fc1
      %4 [5, 3] = reshape(x=%3) {shape: [-1,3]}  @fc2
      %5 [5, 2] = linear(a=%4, b=fc2.weight)  @fc2
      %6 [5, 2] = mul(a=%5, b=%5)  @loss
      %7 [] = mean(x=%6) {axes: [0,1], keepDims: false}  @loss
      %8 [] = mul(a=1, b=0.1)  @loss
      %9 [1, 1] = reshape(x=%8) {shape: [1,1]}  @loss
      %10 [5, 2] = broadcast_to(x=%9) {shape: [5,2]}  @loss
      %11 [5, 2] = mul(a=%10, b=%5)  @loss
      %12 [5, 2] = mul(a=%10, b=%5)  @loss
      %13 [5, 2] = add(a=%11, b=%12)  @loss
      %14 [5, 3] = linear_backward_input(a=%13, b=fc2.weight)  @fc2
      %15 [2, 3] = linear_backward_weight(a=%4, b=%13)  @fc2
      %16 [5, 3] = relu_backward(dy=%14, saved=%3)  @fc1
      %17 [3] = sum(x=%16) {axes: [0], keepDims: false}  @fc1
      %18 [3, 4] = linear_backward_weight(a=%0, b=%16)  @fc1
      output loss = %7
      gradient fc1.weight = %18
      gradient fc1.bias = %17
      gradient fc2.weight = %15"
    `);
    expect(printGraph(runPasses(graph, { target: TARGET, choices: {} }))).toMatchInlineSnapshot(`
      "%0 [5, 3] = linear[→add→relu](a=x [5, 4], b=fc1.weight, e1=fc1.bias)  @fc1
      %1 [5, 2] = linear(a=%0, b=fc2.weight)  @fc2
      %2 [5, 2] = mul(a=%1, b=%1)  @loss
      %3 [] = sum[→mul](x=%2, e1=0.1) {axes: [0,1], keepDims: false}  @loss
      %4 [1, 1] = reshape(x=0.10000000149011612) {shape: [1,1]}  @loss
      %5 [5, 2] = identity→mul→add(v0=%4, v1=%1)  @loss
      %6 [2, 3] = linear_backward_weight(a=%0, b=%5)  @fc2
      %7 [5, 3] = linear_backward_input[→relu_backward](a=%5, b=fc2.weight, e1=%0)  @fc2
      %8 [3] = sum(x=%7) {axes: [0], keepDims: false}  @fc1
      %9 [3, 4] = linear_backward_weight(a=x [5, 4], b=%7)  @fc1
      output loss = %3
      gradient fc1.weight = %9
      gradient fc1.bias = %8
      gradient fc2.weight = %6"
    `);
  });

  test("equal graphs print equal; passes may be skipped, expand may not", () => {
    expect(printGraph(network())).toBe(printGraph(network()));
    const seen: string[] = [];
    runPasses(network(), {
      target: TARGET,
      choices: {},
      skip: ["expand", "fusePointwise"],
      onPass: (name) => seen.push(name),
    });
    expect(seen).toContain("expand");
    expect(seen).not.toContain("fusePointwise");
  });
});
