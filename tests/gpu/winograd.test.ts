import { describe, expect, test } from "vitest";
import { randomUnit } from "../../src/core/random.ts";
import { evaluate } from "../../src/evaluate.ts";
import { Learner, type LearnerOptions, nn, sgd } from "../../src/index.ts";
import { conv2d, relu } from "../../src/ops/index.ts";
import { conv2dReference } from "../reference/conv.ts";
import { fillInputs, need } from "../reference/tensor.ts";
import type { OpCase } from "../reference/types.ts";
import { fullRun, testDevice } from "../setup/gpu.ts";
import { choosing } from "./choosing.ts";
import { caseMismatches, describeMismatches, mismatches } from "./sweep.ts";

/**
 * Winograd F(4×4, 3×3) in all three passes against the float64 reference. Its transforms add and subtract what cancels
 * in exact arithmetic, so each element may be off by 3e-5 of the sum of the magnitudes of its terms.
 */
const RELATIVE = 3e-5;

interface Shapes {
  readonly x: readonly [number, number, number, number];
  readonly filters: number;
  readonly padding: number;
}

const WINOGRAD = {
  conv2d: "winograd",
  conv2d_backward_input: "winograd",
  conv2d_backward_weight: "winograd",
};
const QUADS = {
  winograd_matmul: "winograd_matmul_quads",
  winograd_matmul_transposed: "winograd_matmul_transposed_quads",
};
const DIRECT = { winograd_matmul: "matmul", winograd_matmul_transposed: "matmul" };

function convCase({ x, filters, padding }: Shapes): OpCase {
  return {
    op: "conv2d",
    name: `${x.join("x")} * ${filters}, padding ${padding}`,
    inputs: { x: { shape: [...x] }, weight: { shape: [filters, x[1], 3, 3] } },
    attrs: { padding },
    run: (values, attrs) => ({ y: conv2d(need(values, "x"), need(values, "weight"), null, attrs) }),
    reference: conv2dReference,
  };
}

/** Sizes below, at and above a tile of 4 and a window of 6, primes; channels beside multiples of 4, 8 and 16. */
const small: readonly Shapes[] = [
  { x: [1, 1, 1, 1], filters: 1, padding: 1 },
  { x: [1, 3, 3, 3], filters: 4, padding: 0 },
  { x: [3, 4, 4, 4], filters: 3, padding: 1 },
  { x: [1, 5, 5, 4], filters: 8, padding: 1 },
  { x: [1, 8, 8, 8], filters: 8, padding: 1 },
  { x: [3, 9, 9, 8], filters: 5, padding: 0 },
  { x: [1, 17, 5, 9], filters: 9, padding: 2 },
  { x: [3, 8, 7, 11], filters: 17, padding: 1 },
  { x: [1, 4, 1, 13], filters: 16, padding: 2 },
  { x: [1, 16, 6, 6], filters: 16, padding: 0 },
  { x: [3, 17, 3, 5], filters: 17, padding: 2 },
  { x: [1, 12, 13, 2], filters: 20, padding: 1 },
];

const large: readonly Shapes[] = [
  { x: [8, 16, 16, 16], filters: 32, padding: 1 },
  { x: [3, 32, 28, 28], filters: 64, padding: 1 },
  { x: [2, 64, 8, 8], filters: 64, padding: 1 },
  { x: [5, 33, 17, 23], filters: 31, padding: 0 },
  { x: [1, 128, 14, 14], filters: 20, padding: 2 },
];

function expectAgreement(shapes: Shapes, products: Readonly<Record<string, string>>): () => Promise<void> {
  return async () => {
    const options = { relative: RELATIVE, choices: choosing({ ...WINOGRAD, ...products }) };
    const found = await caseMismatches(convCase(shapes), options);
    expect(found.length, describeMismatches(found)).toBe(0);
  };
}

describe("three passes, products on quads of lanes", () => {
  test.each(small.map((one) => [convCase(one).name, one] as const))("%s", (_, one) =>
    expectAgreement(one, QUADS)(),
  );
});

describe("three passes, products of the matmul family", () => {
  const chosen = fullRun ? small : small.filter((_, i) => i === 2 || i === 6);
  test.each(chosen.map((one) => [convCase(one).name, one] as const))("%s", (_, one) =>
    expectAgreement(one, DIRECT)(),
  );
});

describe.runIf(fullRun)("three passes, sums over several tiles of the products", () => {
  test.each(large.map((one) => [convCase(one).name, one] as const))("%s", (_, one) =>
    expectAgreement(one, QUADS)(),
  );
});

test("bias and ReLU go into the store of the output transform", async () => {
  const one = convCase({ x: [3, 8, 7, 11], filters: 17, padding: 1 });
  const inputs = fillInputs({ ...one, inputs: { ...one.inputs, bias: { shape: [17] } } });
  const bare = need(conv2dReference.forward(inputs, one.attrs), "y");
  const y = { ...bare, data: bare.data.map((value) => Math.max(value, 0)) };
  const details: string[] = [];
  const result = await evaluate(
    await testDevice(),
    (values) => relu(conv2d(need(values, "x"), need(values, "weight"), need(values, "bias"), { padding: 1 })),
    inputs,
    {
      choices: choosing({ ...WINOGRAD, ...QUADS }),
      poison: true,
      onPlan: ({ dispatches }) => {
        details.push(...dispatches.map(({ label, detail }) => `${label} ${detail}`));
        return undefined;
      },
    },
  );
  const found = mismatches("y", result.outputs.output!.data, y, RELATIVE);
  expect(found.length, describeMismatches(found)).toBe(0);
  expect(details.at(-1)).toMatch(/^winograd_output .*epilogue=add→relu$/);
});

test("the kernel gradient uses the forward pass's windows where it is told to", async () => {
  const one = convCase({ x: [3, 8, 7, 11], filters: 17, padding: 1 });
  const windows: number[] = [];
  for (const name of ["winograd", "winograd_kept"]) {
    const found = await caseMismatches(one, {
      relative: RELATIVE,
      choices: choosing({ ...WINOGRAD, ...QUADS, conv2d_backward_weight: name }),
      onPlan: ({ dispatches }) => {
        windows.push(dispatches.filter(({ label }) => label === "winograd_input").length);
        return undefined;
      },
    });
    expect(found.length, describeMismatches(found)).toBe(0);
  }
  // Of x forward and of dy; and of x once more where they are not kept.
  expect(windows).toEqual([3, 2]);
});

test("five steps of training with Winograd in all passes end at the loss of exact kernels", async () => {
  const device = await testDevice();
  const random = Float32Array.from({ length: 16 * 3 * 9 * 9 }, (_, i) => randomUnit(5, i) - 0.5);
  const labels = Int32Array.from({ length: 16 }, (_, i) => i % 4);
  const run = async (options: Pick<LearnerOptions, "tune" | "precision">) => {
    const learner = new Learner({
      device,
      model: nn.sequential({
        first: nn.conv2d(3, 8, { kernel: 3, padding: 1 }),
        relu1: nn.relu(),
        second: nn.conv2d(8, 17, { kernel: 3, padding: 1 }),
        relu2: nn.relu(),
        mean: nn.globalAvgPool2d(),
        head: nn.linear(17, 4),
      }),
      data: {
        train: {
          count: 16,
          inputs: { x: { data: random, shape: [3, 9, 9] } },
          targets: { y: { data: labels, shape: [] } },
        },
      },
      loss: nn.crossEntropy(),
      optimizer: sgd({ momentum: 0.9 }),
      batchSize: 16,
      seed: 3,
      ...options,
    });
    await learner.fit(5, { lr: 0.5 });
    const losses = [...learner.run.loss.values()];
    learner.dispose();
    return losses;
  };
  const exact = await run({ precision: "exact" });
  const fast = await run({ tune: [{ step: 0, choices: choosing({ ...WINOGRAD, ...QUADS }) }] });
  expect(exact.length).toBe(5);
  expect(fast).not.toEqual(exact);
  const apart = fast.map((loss, i) => Math.abs(loss - exact[i]!) / exact[i]!);
  expect(Math.max(...apart)).toBeLessThanOrEqual(1e-4);
});
