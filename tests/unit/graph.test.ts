import { describe, expect, test } from "vitest";
import { backward } from "../../src/autodiff/backward.ts";
import { GraphError, ShapeError } from "../../src/core/errors.ts";
import { defineOp } from "../../src/graph/define.ts";
import { type Graph, leaves, type Node, statesOf } from "../../src/graph/graph.ts";
import { constant, input, stateValue } from "../../src/graph/leaf.ts";
import { printGraph } from "../../src/graph/print.ts";
import { atPath, currentPath, onBehalf, scope, trace, traceMode, withMode } from "../../src/graph/trace.ts";
import { producer, type State, type Value } from "../../src/graph/value.ts";
import { verify } from "../../src/graph/verify.ts";
import { add } from "../../src/ops/add.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { exp } from "../../src/ops/exp.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { mul } from "../../src/ops/mul.ts";
import { relu } from "../../src/ops/relu.ts";
import { sum } from "../../src/ops/sum.ts";

/** What `body` throws. */
function failure(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  return expect.fail("nothing was thrown");
}

function messageOf(body: () => unknown): string {
  return (failure(body) as Error).message;
}

function inTrace(body: () => unknown): void {
  trace("train", () => {
    body();
    return { outputs: {} };
  });
}

describe("trace", () => {
  test("an op outside of one says where it belongs", () => {
    const value = input("x", [2]);
    const error = failure(() => relu(value));
    expect(error).toBeInstanceOf(GraphError);
    expect((error as Error).message).toMatchInlineSnapshot(`
      "relu: called outside a trace: values are symbolic and need a graph to go into
        fix   call it inside a module's forward, a loss or metric function, or evaluate(device, fn, inputs)"
    `);
  });

  test("nodes in the order of the calls, at the path of their scopes", () => {
    const graph = trace("eval", () => {
      const x = input("x", [2]);
      const y = scope("block", () =>
        add(
          scope("inner", () => relu(x)),
          x,
        ),
      );
      expect(currentPath()).toBe("");
      return { outputs: { y } };
    });
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "%0 [2] = relu(x=x [2])  @block.inner
      %1 [2] = add(a=%0, b=x [2])  @block
      output y = %1"
    `);
  });

  test("a capture inside another is a graph of its own, also after an error", () => {
    const outer = trace("train", () => {
      const x = input("x", [2]);
      const y = relu(x);
      const inner = trace("eval", () => {
        expect(traceMode()).toBe("eval");
        return { outputs: { z: exp(input("x", [3])) } };
      });
      expect(inner.nodes).toHaveLength(1);
      expect(() => trace("eval", () => expect.fail("inside"))).toThrow("inside");
      expect(traceMode()).toBe("train");
      return { outputs: { y } };
    });
    expect(outer.nodes.map((node) => node.op.name)).toEqual(["relu"]);
    expect(() => traceMode()).toThrow(GraphError);
  });

  test("scopes, modes and phases come back after an error", () => {
    inTrace(() => {
      for (const enter of [
        (body: () => void) => scope("a", body),
        (body: () => void) => atPath("b.c", body),
        (body: () => void) => withMode("eval", body),
        (body: () => void) => onBehalf("d", "backward", body),
      ]) {
        expect(() => enter(() => expect.fail("inside"))).toThrow("inside");
        expect([currentPath(), traceMode()]).toEqual(["", "train"]);
        expect(producer(relu(input("x", [1])))?.phase).toBe("forward");
      }
    });
  });

  test("a shape that does not fit names the layer, both numbers and the fix", () => {
    const body = () =>
      inTrace(() =>
        scope("features", () =>
          scope("3", () => conv2d(input("x", [16, 16, 14, 14]), input("weight", [64, 32, 3, 3]), null, {})),
        ),
      );
    expect(failure(body)).toBeInstanceOf(ShapeError);
    expect(messageOf(body)).toMatch(/conv2d: .*expected .*32.*got .*16/);
    expect(messageOf(body)).toContain("at    features.3");
    expect(messageOf(body)).toContain("fix ");
  });
});

const noGradient = defineOp({
  name: "round",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: "fn rounded(x: Elem) -> Elem { return round(x); }", fn: "rounded" },
  gradient: { none: "rounding is flat" },
});

const undeclared = defineOp({
  name: "undeclared",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: { wgsl: "fn f(x: Elem) -> Elem { return x; }", fn: "f" },
});

const wrongShape = defineOp({
  name: "halves",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: [x[0]! / 2] }),
  lowerings: [{ name: "halves", wgsl: "", launch: () => ({ grid: [1] }) }],
  gradient: ({ dy }) => ({ x: dy }),
});

const twoOutputs = defineOp<"x", "y" | "extra">({
  name: "two",
  inputs: ["x"],
  outputs: ["y", "extra"],
  shape: ({ x }) => ({ y: x, extra: x }),
  lowerings: [{ name: "two", wgsl: "", launch: () => ({ grid: [1] }) }],
  gradient: ({ dy }) => ({ x: dy }),
});

describe("backward", () => {
  /** Differentiates the sum of a function of x [4] by x. */
  const differentiate = (body: (x: Value) => Value) => () =>
    inTrace(() => {
      const x = input("x", [4]);
      const loss = sum(scope("layer", () => body(x)));
      backward(new Map([[loss, constant(1)]]), [x]);
    });

  test("an op without a gradient says why and where", () => {
    expect(messageOf(differentiate((x) => noGradient({ x }, {}).y))).toMatchInlineSnapshot(`
      "round: has no gradient: rounding is flat
        at    layer
        fix   take the loss from other values, or define the op with a gradient"
    `);
    expect(messageOf(differentiate((x) => undeclared({ x }, {}).y))).toContain(
      "undeclared: has no gradient: it declares none",
    );
  });

  test("such an op where nobody asks for its gradient is no matter", () => {
    inTrace(() => {
      const x = input("x", [4]);
      const fixed = noGradient({ x: input("other", [4]) }, {}).y;
      const gradients = backward(new Map([[sum(mul(x, fixed)), constant(1)]]), [x]);
      expect(gradients.get(x)?.shape).toEqual([4]);
    });
  });

  test("a gradient of another shape is refused", () => {
    expect(messageOf(differentiate((x) => wrongShape({ x }, {}).y))).toMatchInlineSnapshot(`
      "halves: shape of the gradient of x: expected [4], got [2]
        at    layer
        fix   return a gradient of x's own shape from the op's \`gradient\`"
    `);
  });

  test("a loss of a second output alone is refused", () => {
    expect(messageOf(differentiate((x) => twoOutputs({ x }, {}).extra))).toContain(
      "its first output y is not part of the loss, another one is",
    );
  });

  test("a value used twice gets the sum of its gradients; one that is not used gets none", () => {
    const graph = trace("train", () => {
      const [x, unused] = [input("x", [4]), input("unused", [4])];
      const y = add(exp(x), relu(x));
      const gradients = backward(new Map([[y, input("dy", [4])]]), [x, unused]);
      expect(gradients.has(unused)).toBe(false);
      return { outputs: { dx: gradients.get(x)! } };
    });
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "%0 [4] = exp(x=x [4])
      %1 [4] = relu(x=x [4])
      %2 [4] = add(a=%0, b=%1)
      %3 [4] = relu_backward(dy=dy [4], saved=%1)
      %4 [4] = mul(a=dy [4], b=%0)
      %5 [4] = add(a=%3, b=%4)
      output dx = %5"
    `);
  });

  test("nothing is differentiated that no wanted value feeds", () => {
    inTrace(() => {
      const [x, w] = [input("x", [2, 3]), input("w", [3, 4])];
      const loss = sum(matmul(exp(x), w));
      const gradients = backward(new Map([[loss, constant(1)]]), [w]);
      expect(gradients.has(w)).toBe(true);
      expect(gradients.has(x)).toBe(false);
    });
  });

  test("backward nodes have their forward node's path and the phase", () => {
    const graph = trace("train", () => {
      const x = input("x", [4]);
      const loss = sum(scope("layer", () => relu(x)));
      const gradients = backward(new Map([[loss, constant(1)]]), [x]);
      return { outputs: { dx: gradients.get(x)! } };
    });
    const node = graph.nodes.find(({ op }) => op.name === "relu_backward");
    expect([node?.path, node?.phase]).toEqual(["layer", "backward"]);
  });
});

const update = defineOp<"counter", "done">({
  name: "update",
  inputs: ["counter"],
  outputs: ["done"],
  shape: () => ({ done: [1] }),
  writes: ["counter"],
  lowerings: [{ name: "update", wgsl: "", launch: () => ({ grid: [1] }) }],
  gradient: { none: "an update has none" },
});

describe("verify", () => {
  const state: State = {
    name: "norm.running_mean",
    shape: [4],
    dtype: "f32",
    role: "buffer",
    init: () => new Float32Array(4),
  };

  test("two writers of one state", () => {
    const graph = trace("train", () => {
      const counter = stateValue(state);
      scope("a", () => update({ counter }, {}));
      scope("b", () => update({ counter }, {}));
      return { outputs: {} };
    });
    expect(messageOf(() => verify(graph, "tracing"))).toMatchInlineSnapshot(`
      "update: after tracing: state counter has two writers: expected one, got update at a and this one
        at    b
        fix   do not share a layer with running statistics between two places of a model"
    `);
  });

  test("a state read after its writer, but for the update", () => {
    const read = (phase: "forward" | "update") =>
      trace("train", () => {
        const counter = stateValue(state);
        scope("norm", () => update({ counter }, {}));
        return { outputs: { y: onBehalf("reader", phase, () => relu(counter)) } };
      });
    expect(messageOf(() => verify(read("forward"), "tracing"))).toMatchInlineSnapshot(`
      "relu: after tracing: state x is read after update at norm has changed it
        at    reader
        fix   read the state before the op that updates it"
    `);
    expect(() => verify(read("update"), "tracing")).not.toThrow();
  });

  test("inputs that come later, results of no node, shapes that are not the op's", () => {
    const graph = trace("train", () => ({ outputs: { y: exp(relu(input("x", [4]))) } }));
    const [first, second] = graph.nodes as [Node, Node];
    const broken = (nodes: readonly Node[]): Graph => ({ ...graph, nodes });
    expect(messageOf(() => verify(broken([second, first]), "a pass"))).toBe(
      "exp: after a pass: input x is used before it is made",
    );
    expect(messageOf(() => verify(broken([first]), "a pass"))).toBe(
      "verify: after a pass: a result is computed by no node",
    );
    const wrong = { ...first, inputs: { x: input("x", [5]) } };
    expect(messageOf(() => verify(broken([wrong, second]), "a pass"))).toContain("expected [5], got [4]");
    expect(() => verify(graph, "a pass")).not.toThrow();
  });
});

test("leaves and states in order of first use", () => {
  const one: State = {
    name: "one",
    shape: [1],
    dtype: "f32",
    role: "parameter",
    init: () => new Float32Array(1),
  };
  const two = { ...one, name: "two" };
  const graph = trace("eval", () => {
    const x = input("x", [1]);
    return { outputs: { y: add(mul(stateValue(two), x), stateValue(one)), x, alone: input("alone", [1]) } };
  });
  expect(statesOf(graph).map(({ name }) => name)).toEqual(["two", "one"]);
  expect(leaves(graph)).toHaveLength(4);
});
