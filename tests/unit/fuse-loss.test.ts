import { expect, test } from "vitest";
import { backward } from "../../src/autodiff/backward.ts";
import { singleDispatchChoices } from "../../src/bench/lowerings.ts";
import { stepData, stepRecipe } from "../../src/bench/our-step.ts";
import { compile } from "../../src/compile.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { constant, input, stateValue } from "../../src/graph/leaf.ts";
import { printGraph } from "../../src/graph/print.ts";
import { trace } from "../../src/graph/trace.ts";
import type { State, Value } from "../../src/graph/value.ts";
import { verify } from "../../src/graph/verify.ts";
import { crossEntropy } from "../../src/ops/cross-entropy.ts";
import { gather } from "../../src/ops/gather.ts";
import { linear } from "../../src/ops/linear.ts";
import { lossSeed } from "../../src/ops/loss-scale.ts";
import { mul } from "../../src/ops/mul.ts";
import { record } from "../../src/ops/record.ts";
import { fuseLoss } from "../../src/passes/fuse-loss.ts";
import { StateTable } from "../../src/plan/state-table.ts";
import { stepGraph } from "../../src/train/graphs.ts";
import { TARGET } from "./target.ts";

const parameter = (name: string, shape: readonly number[]): State => ({
  name,
  shape,
  dtype: "f32",
  role: "parameter",
  init: () => new Float32Array(0),
});

interface Step {
  readonly batch?: number;
  readonly seed?: () => Value;
  readonly loss?: (logits: Value, labels: Value) => Value;
  /** What else reads labels and loss. */
  readonly others?: (labels: Value, loss: Value) => Record<string, Value>;
  readonly recorded?: (loss: Value) => Value[];
}

/** A linear layer, its loss and the gradient of its bias, after the pass. */
function afterPass({ batch = 4, seed, loss = crossEntropy, others, recorded }: Step): string {
  const bias = parameter("bias", [3]);
  const graph: Graph = trace("train", () => {
    const indices = input("indices", [50], "u32");
    const attrs = { batch, example: [], storage: "i32", mean: [], std: [] } as const;
    const labels = gather(input("labels", [50], "u32"), indices, attrs);
    const weight = stateValue(parameter("weight", [3, 2]));
    const value = loss(linear(input("x", [batch, 2]), weight, stateValue(bias)), labels);
    record(recorded?.(value) ?? [value]);
    const outputs = others?.(labels, value) ?? {};
    const found = backward(new Map([[value, seed?.() ?? constant(1)]]), [stateValue(bias)]);
    return { outputs, gradients: new Map([[bias, found.get(stateValue(bias))!]]) };
  });
  const result = fuseLoss(graph, TARGET);
  verify(result, "fuseLoss");
  return printGraph(result);
}

test("gather, loss, record, gradient and the sum for the bias become one node", () => {
  expect(afterPass({})).toMatchInlineSnapshot(`
    "%0 [4, 2] = reshape(x=x [4, 2]) {shape: [-1,2]}
    %1 [4, 3] = linear(a=%0, b=weight)
    %2 [4, 3] = add(a=%1, b=bias)
    %3 [4, 3], %4 [], %5 [3] = cross_entropy_with_gradient(logits=%2, labels=labels [50], dy=1, indices=indices [50], records=records) {reduction: "mean", ignoreIndex: -100, labelSmoothing: 0, sums: true, gathered: true, column: 0}
    gradient bias = %5"
  `);
});

test("labels that somebody else reads, and a record of more than the loss, stay", () => {
  const text = afterPass({
    others: (labels) => ({ labels }),
    recorded: (loss) => [loss, mul(loss, 2)],
  });
  expect(text).toMatch(/= gather\(/);
  expect(text).toMatch(/ = record\(/);
  expect(text).toMatch(/cross_entropy_with_gradient\(.*gathered: false, column: null/);
});

test("the seed of a scaled loss comes first", () => {
  const scaler = parameter("scaler", [3]);
  const text = afterPass({ seed: () => lossSeed(stateValue(scaler), 0.5).y });
  expect(text.indexOf("loss_seed")).toBeLessThan(text.indexOf("cross_entropy_with_gradient"));
  expect(text).not.toContain("cross_entropy_backward");
});

test.each<[string, Step]>([
  ["an upstream gradient that depends on the loss", { loss: (x, t) => squareOf(crossEntropy(x, t)) }],
  ["more logits than one workgroup should take", { batch: 1366 }],
  ["one loss for each position", { loss: (x, t) => squareOf(crossEntropy(x, t, { reduction: "none" })) }],
  ["weights", { loss: (x, t) => crossEntropy(x, t, { weight: input("weights", [3]) }) }],
])("%s: the ops stay apart", (_, step) => {
  const scalar = (value: Value) => (value.shape.length ? [] : [value]);
  const text = afterPass({ recorded: scalar, ...step });
  expect(text).toContain("cross_entropy_backward");
  expect(text).not.toContain("cross_entropy_with_gradient");
});

function squareOf(value: Value): Value {
  return mul(value, value);
}

test("a step of the convolutional net for digits takes at most 32 dispatches where ten buffers can be bound", () => {
  const size = { model: "cnn", batch: 64, input: [1, 28, 28] } as const;
  const target = { ...TARGET, maxStorageBuffersPerShaderStage: 10 };
  const graph = stepGraph(stepRecipe(size), stepData(size), size.batch);
  const choices = singleDispatchChoices(graph, target);
  const { dispatches } = compile(graph, { target, states: new StateTable(), choices });
  expect(dispatches.length).toBeLessThanOrEqual(32);
});
