import { describe, expect, test } from "vitest";
import { type EvaluateOptions, evaluate } from "../../src/evaluate.ts";
import type { Value } from "../../src/graph/value.ts";
import { crossEntropy, linear, mul } from "../../src/ops/index.ts";
import type { StepPlan } from "../../src/plan/step-plan.ts";
import { cases } from "../ops/cross-entropy.ts";
import { testDevice } from "../setup/gpu.ts";
import { caseMismatches, describeMismatches } from "./sweep.ts";

/** Cross-entropy and its gradient in one kernel (which the sweep of all operators runs) and in several. */

const apart: EvaluateOptions = { skip: ["fuseLoss"] };

describe("loss and gradient as kernels of their own", () => {
  const fusible = cases.filter(
    ({ name, inputs, attrs }) =>
      name.startsWith("indices") && inputs.logits!.shape.length === 2 && attrs.reduction !== "none",
  );
  test.each(fusible)("$name", async (one) => {
    const found = await caseMismatches(one, apart);
    expect(found.length, describeMismatches(found)).toBe(0);
  });
});

interface Run {
  readonly labels: readonly number[];
  readonly logits?: readonly number[];
  readonly loss?: (logits: Value, labels: Value) => Value;
}

/** Loss, gradients and dispatches of a linear layer of three classes and its loss. */
async function run({ labels, logits, loss = crossEntropy }: Run, options: EvaluateOptions = {}) {
  const batch = labels.length;
  let plan: StepPlan | undefined;
  const { outputs, gradients } = await evaluate(
    await testDevice(),
    ({ x, weight, bias, target }) => loss(linear(x!, weight!, bias!), target!),
    {
      x: { data: logits ?? Array.from({ length: 3 * batch }, (_, i) => Math.sin(5 * i)), shape: [batch, 3] },
      weight: { data: [1, 0, 0, 0, 1, 0, 0, 0, 1], shape: [3, 3] },
      bias: { data: [0.5, -0.25, 0], shape: [3] },
      target: { data: labels, shape: [batch], dtype: "i32" },
    },
    {
      upstream: { output: { data: [0.5], shape: [] } },
      poison: true,
      onPlan: (compiled) => {
        plan = compiled;
        return undefined;
      },
      ...options,
    },
  );
  return {
    loss: outputs.output!.data[0]!,
    dx: [...gradients.x!.data],
    dbias: [...gradients.bias!.data],
    dispatches: plan!.dispatches.map(({ label }) => label),
  };
}

test("the gradient of a bias comes from the same dispatch", async () => {
  const labels = Array.from({ length: 70 }, (_, i) => i % 3);
  const [fused, several] = [await run({ labels }), await run({ labels }, apart)];
  expect(fused.dispatches.filter((label) => /cross_entropy|reduce|mean/.test(label))).toEqual([
    "cross_entropy_with_gradient",
  ]);
  expect(several.dispatches).toContain("reduce");
  for (const [c, value] of fused.dbias.entries()) expect(value).toBeCloseTo(several.dbias[c]!, 6);
  for (const [i, value] of fused.dx.entries()) expect(value).toBeCloseTo(several.dx[i]!, 7);
  expect(fused.loss).toBeCloseTo(several.loss, 6);
});

test("a label that is no class makes the loss NaN; its position has no gradient, the others have theirs", async () => {
  const labels = [2, 3, -1, 0];
  const [fused, several] = [await run({ labels }), await run({ labels }, apart)];
  expect(fused.loss).toBeNaN();
  expect(fused.dx.slice(3, 9).map(Math.abs)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(fused.dx[0]).toBeGreaterThan(0);
  for (const [i, value] of fused.dx.entries()) expect(value).toBeCloseTo(several.dx[i]!, 7);
});

test("an ignored position has no part in loss and gradients whatever its logits", async () => {
  const logits = [Number.NaN, 0, Number.POSITIVE_INFINITY, 1, 2, 3];
  const { outputs, gradients } = await evaluate(
    await testDevice(),
    ({ x, target }) => crossEntropy(x!, target!),
    {
      x: { data: logits, shape: [2, 3] },
      target: { data: [-100, 0], shape: [2], dtype: "i32" },
    },
    { upstream: { output: { data: [1], shape: [] } }, poison: true },
  );
  expect(outputs.output!.data[0]).toBeCloseTo(Math.log(1 + Math.E + Math.E ** 2), 5);
  expect([...gradients.x!.data].slice(0, 3).map(Math.abs)).toEqual([0, 0, 0]);
  expect(gradients.x!.data[3]).toBeCloseTo(1 / (1 + Math.E + Math.E ** 2) - 1, 5);
});

test("where every label is ignored, a mean is NaN and a sum is 0, and no gradient flows", async () => {
  const labels = [-100, -100];
  const mean = await run({ labels });
  const sum = await run({ labels, loss: (x, t) => crossEntropy(x, t, { reduction: "sum" }) });
  expect(mean.loss).toBeNaN();
  expect(sum.loss).toBe(0);
  for (const { dx, dbias } of [mean, sum]) {
    expect([...dx, ...dbias].map(Math.abs)).toEqual(new Array(9).fill(0));
  }
});

test("an upstream gradient that depends on the loss takes the kernels apart, and is right", async () => {
  const squared = (x: Value, t: Value) => {
    const loss = crossEntropy(x, t);
    return mul(loss, loss);
  };
  const labels = [0, 2, 1];
  const [once, square] = [await run({ labels }), await run({ labels, loss: squared })];
  expect(square.dispatches).toContain("cross_entropy_backward");
  for (const [i, value] of square.dx.entries()) expect(value).toBeCloseTo(2 * once.loss * once.dx[i]!, 6);
});
