import { expect, test } from "vitest";
import { evaluate } from "../../src/evaluate.ts";
import type { Value } from "../../src/graph/value.ts";
import { bceWithLogits, crossEntropy, huber, linear, matmul, mse, nll } from "../../src/ops/index.ts";
import { testDevice } from "../setup/gpu.ts";

type Classifier = (scores: Value, target: Value) => Value;

async function run(loss: Classifier, scores: readonly number[], labels: readonly number[]) {
  const classes = scores.length / labels.length;
  const { outputs, gradients } = await evaluate(
    await testDevice(),
    ({ x, target }) => loss(x!, target!),
    {
      x: { data: scores, shape: [labels.length, classes] },
      target: { data: labels, shape: [labels.length], dtype: "i32" },
    },
    { upstream: { output: { data: labels.map(() => 1), shape: [labels.length] } }, poison: true },
  );
  return { loss: [...outputs.output!.data], dx: [...gradients.x!.data] };
}

const each = { reduction: "none" } as const;

test("a label that is no class makes its own loss NaN and no other", async () => {
  for (const loss of [crossEntropy, nll]) {
    const got = await run((x, t) => loss(x, t, each), [0, 0, 0, 0, 0, 0], [2, -1, 1]);
    expect(got.loss.map(Number.isNaN)).toEqual([true, true, false]);
  }
});

test("an ignored position has loss and gradient 0 whatever its logits", async () => {
  for (const loss of [crossEntropy, nll]) {
    const got = await run(
      (x, t) => loss(x, t, each),
      [Number.NaN, Number.POSITIVE_INFINITY, 1, 2],
      [-100, 0],
    );
    expect(got.loss[0]).toBe(0);
    expect(got.dx.slice(0, 2).map(Math.abs)).toEqual([0, 0]);
    expect(Number.isFinite(got.loss[1])).toBe(true);
  }
});

test("a NaN logit reaches the loss", async () => {
  const got = await run((x, t) => crossEntropy(x, t, each), [Number.NaN, 0, 0, Number.NaN], [0, 0]);
  expect(got.loss.map(Number.isNaN)).toEqual([true, true]);
});

test("classes masked by −∞ have no part in the loss", async () => {
  const low = Number.NEGATIVE_INFINITY;
  const got = await run((x, t) => crossEntropy(x, t, each), [1, low, 1, low, 2, low], [0, 1]);
  expect(got.loss[0]).toBeCloseTo(Math.log(2), 6);
  expect(got.loss[1]).toBeCloseTo(0, 6);
  expect(got.dx.map((d) => Math.round(d * 1e6) / 1e6 + 0)).toEqual([-0.5, 0, 0.5, 0, 0, 0]);
});

/** The message that a call with arrays of these shapes gives; integers where the name is "labels". */
async function message(fn: (v: Record<string, Value>) => Value, shapes: Record<string, number[]>) {
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      {
        data: new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0),
        shape,
        dtype: name === "labels" ? ("i32" as const) : ("f32" as const),
      },
    ]),
  );
  return evaluate(await testDevice(), fn, inputs).then(
    () => "nothing thrown",
    (error: Error) => error.message,
  );
}

test("operands that do not fit are refused by name and number", async () => {
  const mm = (v: Record<string, Value>) => matmul(v.a!, v.b!);
  expect(await message(mm, { a: [2, 3], b: [4, 5] })).toContain(
    "matmul: inner sizes: expected 3 (columns of a), got 4",
  );
  expect(await message(mm, { a: [3], b: [3, 5] })).toContain("matmul: rank of a: expected at least 2, got 1");
  expect(await message(mm, { a: [2, 2, 3], b: [4, 3, 5] })).toContain("matmul: operands do not broadcast");
  const fc = (v: Record<string, Value>) => linear(v.x!, v.w!, v.b ?? null);
  expect(await message(fc, { x: [2, 3], w: [4, 5] })).toContain(
    "linear: input features: expected 5 (weight in), got 3",
  );
  expect(await message(fc, { x: [2, 3], w: [4, 3], b: [3] })).toContain(
    "linear: shape of bias: expected [4]",
  );
  const ce = (v: Record<string, Value>) => crossEntropy(v.x!, v.labels ?? v.t!);
  expect(await message(ce, { x: [2, 3], labels: [3] })).toContain(
    "class indices: expected i32 [2], got i32 [3]",
  );
  expect(await message(ce, { x: [2, 3], t: [2] })).toContain("class indices: expected i32 [2], got f32 [2]");
  expect(await message(ce, { x: [3], labels: [3] })).toContain("rank of the input: expected at least 2");
  const pair = (v: Record<string, Value>) => mse(v.x!, v.y!);
  expect(await message(pair, { x: [4, 1], y: [4] })).toContain(
    "shape of the target: expected [4, 1], got [4]",
  );
  const bce = (v: Record<string, Value>) => bceWithLogits(v.x!, v.x!, { posWeight: v.p! });
  expect(await message(bce, { x: [2, 3], p: [2, 2, 3] })).toContain(
    "shape of posWeight: expected one that broadcasts",
  );
});

test("options out of their range are refused", async () => {
  const shapes = { x: [2, 3], labels: [2] };
  const ce = (options: object) => message((v) => crossEntropy(v.x!, v.labels!, options), shapes);
  expect(await ce({ labelSmoothing: 1.5 })).toContain(
    "labelSmoothing: expected a number from 0 to 1, got 1.5",
  );
  expect(await ce({ reduction: "average" })).toContain('reduction: expected "mean", "sum" or "none"');
  expect(await ce({ ignoreIndex: 0.5 })).toContain("ignoreIndex: expected an integer, got 0.5");
  expect(await message((v) => huber(v.x!, v.x!, { delta: 0 }), { x: [2] })).toContain(
    "delta: expected a number above 0",
  );
});
