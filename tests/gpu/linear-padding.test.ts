import { expect, test } from "vitest";
import { backward } from "../../src/autodiff/backward.ts";
import { compile } from "../../src/compile.ts";
import { contextOf } from "../../src/gpu/context.ts";
import { runOnce } from "../../src/gpu/run-once.ts";
import { constant, input, stateValue } from "../../src/graph/leaf.ts";
import { trace } from "../../src/graph/trace.ts";
import type { State } from "../../src/graph/value.ts";
import { linear, sum } from "../../src/ops/index.ts";
import { StateTable } from "../../src/plan/state-table.ts";
import { testDevice } from "../setup/gpu.ts";

const weight: State = {
  name: "weight",
  shape: [10, 30],
  dtype: "f32",
  role: "parameter",
  init: () => new Float32Array(300),
};

// 5 examples run in one dispatch, 600 as partial sums.
test.each([5, 600])(
  "the gradient of a linear weight has exact zeros in its padding, %i examples",
  async (n) => {
    const context = contextOf(await testDevice());
    const x = Float32Array.from({ length: n * 30 }, (_, i) => ((i * 7) % 11) / 8 - 0.5);
    const graph = trace("train", () => {
      const y = sum(linear(input("x", [n, 30]), stateValue(weight), null));
      const gradients = backward(new Map([[y, constant(1)]]), [stateValue(weight)]);
      return { outputs: { y }, gradients: new Map([[weight, gradients.get(stateValue(weight))!]]) };
    });
    const plan = compile(graph, { target: context.target, states: new StateTable() });
    const labels = plan.dispatches.map(({ label }) => label);
    expect(labels.filter((label) => label === "add_splits").length).toBe(n > 512 ? 1 : 0);
    const row = { step: 0, seed: 0 };
    const { flat } = await runOnce(context, plan, { inputs: { x }, row, poison: true });
    const grads = new Float32Array(flat.grads!);
    // The weight lies as [30 → 32 inputs, 10 → 12 outputs]; every output's gradient is the sum of the column of x.
    const want = Float32Array.from({ length: 32 * 12 }, (_, i) => {
      const [feature, output] = [Math.floor(i / 12), i % 12];
      if (feature >= 30 || output >= 10) return 0;
      return Array.from({ length: n }, (_, row) => x[row * 30 + feature]!).reduce((a, b) => a + b, 0);
    });
    // Eighths add up exactly in f32.
    expect([...grads.slice(0, 32 * 12)]).toEqual([...want]);
  },
);
