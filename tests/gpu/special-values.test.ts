import { describe, expect, test } from "vitest";
import { type ArrayInput, evaluate } from "../../src/evaluate.ts";
import type { Value } from "../../src/graph/value.ts";
import * as ops from "../../src/ops/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** Infinities, NaN, zeros and numbers near the ends of f32, where WGSL's own functions promise little. */

/** The value of a function at each number; scalars (17 numbers) and vectors (the same, 20 numbers) alike. */
async function at(numbers: readonly number[], fn: (x: Value) => Value): Promise<number[]> {
  const device = await testDevice();
  const results: number[][] = [];
  for (const length of [17, 20]) {
    const data = Array.from({ length }, (_, i) => numbers[i % numbers.length]!);
    const { outputs } = await evaluate(
      device,
      ({ x }) => fn(x!),
      { x: { data, shape: [length] } },
      { poison: true },
    );
    results.push([...outputs.output!.data].slice(0, numbers.length));
  }
  expect(results[1]).toEqual(results[0]);
  return results[0]!;
}

/** Gradients of Σ fn(inputs), all upstream gradients 1. */
async function gradientsOf(fn: (values: Record<string, Value>) => Value, inputs: Record<string, ArrayInput>) {
  const device = await testDevice();
  const { gradients } = await evaluate(device, (values) => ops.sum(fn(values)), inputs, {
    upstream: { output: { data: [1], shape: [] } },
    poison: true,
  });
  return Object.fromEntries(Object.entries(gradients).map(([name, { data }]) => [name, [...data]]));
}

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;

describe("NaN passes", () => {
  const functions: Record<string, (x: Value) => Value> = {
    relu: ops.relu,
    leakyRelu: ops.leakyRelu,
    elu: ops.elu,
    selu: ops.selu,
    gelu: ops.gelu,
    "gelu by tanh": (x) => ops.gelu(x, { approximate: "tanh" }),
    silu: ops.silu,
    hardswish: ops.hardswish,
    hardsigmoid: ops.hardsigmoid,
    sigmoid: ops.sigmoid,
    tanh: ops.tanh,
    softplus: ops.softplus,
    mish: ops.mish,
    abs: ops.abs,
    exp: ops.exp,
    log: ops.log,
    sqrt: ops.sqrt,
    clamp: (x) => ops.clamp(x, { min: -1, max: 1 }),
    square: (x) => ops.pow(x, 2),
    "power 2.5": (x) => ops.pow(x, 2.5),
    "minimum, on the left": (x) => ops.minimum(x, 0),
    "minimum, on the right": (x) => ops.minimum(0, x),
    "maximum, on the left": (x) => ops.maximum(x, 0),
    "maximum, on the right": (x) => ops.maximum(0, x),
    sum: (x) => ops.broadcastTo(ops.sum(x), x.shape),
    max: (x) => ops.broadcastTo(ops.max(x), x.shape),
  };
  test.each(Object.entries(functions))("%s", async (_, fn) => {
    expect((await at([1, nan, 2], fn))[1]).toBeNaN();
  });
});

test("exp and log at the ends of their ranges", async () => {
  expect(await at([0, 200, -200, inf, -inf], ops.exp)).toEqual([1, inf, 0, inf, 0]);
  expect(await at([1, 0, inf, -1], ops.log)).toEqual([0, -inf, inf, nan]);
});

test("functions that level off", async () => {
  expect(await at([-1000, 1000, -inf, inf, 0], ops.sigmoid)).toEqual([0, 1, 0, 1, 0.5]);
  expect(await at([-1000, 1000, -inf, inf, 0], ops.tanh)).toEqual([-1, 1, -1, 1, 0]);
  expect(await at([-1000, 1000, 0], ops.elu)).toEqual([-1, 1000, 0]);
  expect(await at([-1000, 1000, 0], ops.gelu)).toEqual([-0, 1000, 0]);
  expect(await at([-1000, 1000, 0], (x) => ops.gelu(x, { approximate: "tanh" }))).toEqual([-0, 1000, 0]);
  expect(await at([-1000, 1000], ops.softplus)).toEqual([0, 1000]);
  expect(await at([-1000, 1000, 0], ops.mish)).toEqual([-0, 1000, 0]);
  expect(await at([-inf, inf], (x) => ops.clamp(x, { min: -2 }))).toEqual([-2, inf]);
});

test("their gradients far out are 0 or 1, never NaN", async () => {
  const x = { data: [-1000, -90, 90, 1000], shape: [4] };
  for (const fn of [
    ops.gelu,
    (v: Value) => ops.gelu(v, { approximate: "tanh" }),
    ops.silu,
    ops.mish,
    ops.softplus,
  ]) {
    expect((await gradientsOf(({ x: v }) => fn(v!), { x })).x).toEqual(
      [0, 0, 1, 1].map((n) => expect.closeTo(n, 6)),
    );
  }
  for (const fn of [ops.sigmoid, ops.tanh]) {
    expect((await gradientsOf(({ x: v }) => fn(v!), { x })).x).toEqual(
      [0, 0, 0, 0].map((n) => expect.closeTo(n, 6)),
    );
  }
});

test("powers of zero, of negative numbers and by negative exponents", async () => {
  const power = (b: number) => (x: Value) => ops.pow(x, b);
  expect(await at([0, -2, 4], power(0))).toEqual([1, 1, 1]);
  expect(await at([0, -2, 4], power(3))).toEqual([0, -8, 64]);
  expect(await at([0, -2, 4], power(-1))).toEqual([inf, -0.5, 0.25]);
  expect(await at([0, -2, 4, inf], power(2.5))).toEqual([0, nan, 32, inf]);
  expect(await at([-2, -1, 1], power(5))).toEqual([-32, -1, 1]);
  expect(await at([-2, 2, 1e-30], power(-7))).toEqual([-0.0078125, 0.0078125, inf]);
  const device = await testDevice();
  const a = { data: [0, 0, 0, -2, -2, -8, 10], shape: [7] };
  const b = { data: [0, 2, -1, 3, -2, 1 / 3, 38], shape: [7] };
  const { outputs } = await evaluate(device, (v) => ops.pow(v.a!, v.b!), { a, b });
  const got = [...outputs.output!.data];
  expect(got.slice(0, 3)).toEqual([1, 0, inf]);
  expect(got[3]).toBeCloseTo(-8, 5);
  expect(got[4]).toBeCloseTo(0.25, 6);
  expect(got[5]).toBeNaN();
  expect(got[6]! / 1e38).toBeCloseTo(1, 5);
});

test("a softmax of infinite and equal logits", async () => {
  const device = await testDevice();
  const x = { data: [-inf, 0, 0, 3e38, 3e38, -3e38], shape: [2, 3] };
  const { outputs } = await evaluate(device, ({ x: v }) => ops.softmax(v!), { x });
  expect([...outputs.output!.data]).toEqual([0, 0.5, 0.5, 0.5, 0.5, 0]);
});

test("the largest of infinities, and of a long row", async () => {
  const device = await testDevice();
  const long = Float32Array.from({ length: 5000 }, (_, i) => -1e30 * (1 + (i % 77)));
  const { outputs } = await evaluate(
    device,
    ({ x, y }) => ({ x: ops.max(x!, { axes: [1] }), y: ops.max(y!) }),
    { x: { data: [-inf, -inf, 3, inf], shape: [2, 2] }, y: { data: long, shape: [5000] } },
  );
  expect([...outputs.x!.data]).toEqual([-inf, inf]);
  expect([...outputs.y!.data]).toEqual([Math.fround(-1e30)]);
});

test("a sum and a mean of a million numbers to the last digits", async () => {
  const device = await testDevice();
  const data = Float32Array.from({ length: 1 << 20 }, (_, i) => 1 + (i % 1000) / 999);
  const exact = data.reduce((total, value) => total + value, 0);
  const { outputs } = await evaluate(device, ({ x }) => ({ sum: ops.sum(x!), mean: ops.mean(x!) }), {
    x: { data, shape: [1024, 1024] },
  });
  expect(outputs.sum!.data[0]! / exact).toBeCloseTo(1, 6);
  expect(outputs.mean!.data[0]! / (exact / data.length)).toBeCloseTo(1, 6);
});
