import { describe, expect, test } from "vitest";
import { randomNormal } from "../../src/core/random.ts";
import type { Shape } from "../../src/core/shape.ts";
import { numel } from "../../src/core/shape.ts";
import type { ArrayInput } from "../../src/evaluate.ts";
import { gradientCheck } from "../../src/gradient-check.ts";
import { defineOp } from "../../src/graph/define.ts";
import type { Value } from "../../src/graph/value.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { exp } from "../../src/ops/exp.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { mul } from "../../src/ops/mul.ts";
import { relu } from "../../src/ops/relu.ts";
import { softmax } from "../../src/ops/softmax.ts";
import { sub } from "../../src/ops/sub.ts";
import { testDevice } from "../setup/gpu.ts";

/** Standard normal numbers. */
function normal(shape: Shape, key: number): ArrayInput {
  return { shape, data: Float32Array.from({ length: numel(shape) }, (_, i) => randomNormal(key, i)) };
}

/** y = x³, with a derivative given as WGSL. */
function cube(derivative: string) {
  return defineOp({
    name: "cube",
    inputs: ["x"],
    outputs: ["y"],
    shape: ({ x }) => ({ y: x }),
    pointwise: {
      wgsl: `fn cube(x: Elem) -> Elem { return x * x * x; }
fn cube_backward(dy: Elem, x: Elem) -> Elem { return ${derivative}; }`,
      fn: "cube",
      backward: "cube_backward",
    },
  });
}

/** Row sums by a kernel; the gradient is a second op. */
function rowSum(gradient: (dy: Value, x: Value) => Value | undefined) {
  return defineOp({
    name: "row_sum",
    inputs: ["x"],
    outputs: ["y"],
    shape: ({ x }) => ({ y: [x[0]!, 1] }),
    lowerings: [
      {
        name: "row_sum",
        wgsl: `const LENGTH: u32 = 1u;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn row_sum(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= arrayLength(&x) / LENGTH) { return; }
  var sum = 0.0;
  for (var i = 0u; i < LENGTH; i++) { sum += x[id.x * LENGTH + i] * x[id.x * LENGTH + i]; }
  y[id.x] = sum;
}`,
        launch: ({ shape }) => ({ grid: [1], const: { LENGTH: shape.x[1]! } }),
      },
    ],
    gradient: ({ dy, in: { x } }) => ({ x: gradient(dy, x) }),
  });
}

describe("gradientCheck", () => {
  test("ops of the library pass, each input by itself", async () => {
    const device = await testDevice();
    const fn = ({ x, w }: Record<string, Value>) => softmax(mul(matmul(x!, w!), 2));
    const result = await gradientCheck(device, fn, { x: normal([3, 2], 1), w: normal([2, 3], 2) });
    expect(result.text).toMatch(/^x: correct: 6 elements checked; .*\nw: correct: 6 elements checked; /);
    expect(result.passed, result.text).toBe(true);
    for (const { worst } of Object.values(result.inputs)) {
      expect(Math.abs(worst!.got - worst!.expected)).toBeLessThan(worst!.allowed);
    }
  });

  test("a convolution: elements drawn at random, the same for the same seed", async () => {
    const device = await testDevice();
    const fn = ({ x, w }: Record<string, Value>) => conv2d(x!, w!, null, { stride: 2, padding: 1 });
    const inputs = { x: normal([2, 3, 7, 6], 1), w: normal([5, 3, 3, 3], 2) };
    const results = [await gradientCheck(device, fn, inputs, { samples: 3 })];
    results.push(await gradientCheck(device, fn, inputs, { samples: 3 }));
    expect(results[0]!.passed, results[0]!.text).toBe(true);
    expect(results[0]!.inputs.x!.checked).toBe(3);
    expect(results[0]).toEqual(results[1]);
  });

  test("a correct pointwise op passes, a wrong derivative is caught with its numbers", async () => {
    const device = await testDevice();
    const inputs = { x: { data: [0.5, -1, 2, 3], shape: [2, 2] } };
    const check = (derivative: string) =>
      gradientCheck(device, ({ x }) => cube(derivative)({ x: x! }, {}).y, inputs);
    const right = await check("dy * 3.0 * x * x");
    expect(right.passed, right.text).toBe(true);
    const wrong = await check("dy * 2.0 * x * x");
    expect(wrong.passed).toBe(false);
    const { worst } = wrong.inputs.x!;
    expect(worst!.got / worst!.expected).toBeCloseTo(2 / 3, 3);
    expect(wrong.text).toMatch(/^x: WRONG: 4 elements checked; worst at x\[\d, \d\]: expected .* ± .*, got /);
    expect((await check("-dy * 3.0 * x * x")).passed).toBe(false);
    expect((await check("dy * 3.01 * x * x")).passed).toBe(false);
  });

  test("a correct kernel passes; one without a gradient, or with a wrong one, is caught", async () => {
    const device = await testDevice();
    const inputs = { x: normal([3, 5], 4) };
    const check = (gradient: (dy: Value, x: Value) => Value | undefined) =>
      gradientCheck(device, ({ x }) => rowSum(gradient)({ x: x! }, {}).y, inputs);
    const right = await check((dy, x) => mul(mul(x, 2), dy));
    expect(right.passed, right.text).toBe(true);
    const none = await check(() => undefined);
    expect(none.passed).toBe(false);
    expect(none.text).toContain("(the op gives this input no gradient)");
    expect((await check((_, x) => mul(x, 2))).passed).toBe(false);
    expect((await check((dy, x) => mul(mul(sub(x, 0.1), 2), dy))).passed).toBe(false);
  });

  test("kinks are left out, and a check of nothing does not pass", async () => {
    const device = await testDevice();
    const fn = ({ x }: Record<string, Value>) => relu(x!);
    const some = await gradientCheck(device, fn, { x: { data: [1, -1, 0, 2, 1e-4], shape: [5] } });
    expect(some.passed, some.text).toBe(true);
    expect(some.inputs.x).toMatchObject({ checked: 3, skipped: 2 });
    const nothing = await gradientCheck(device, fn, { x: { data: [0, 0], shape: [2] } });
    expect(nothing.passed).toBe(false);
    expect(nothing.text).toContain("smooth at none of its elements");
  });

  test("a gradient that is 0 but for rounding", async () => {
    const device = await testDevice();
    const shifted = ({ x, b }: Record<string, Value>) => softmax(sub(x!, b!));
    const result = await gradientCheck(device, shifted, { x: normal([2, 4], 1), b: normal([2, 1], 2) });
    expect(result.passed, result.text).toBe(true);
  });

  test("a kernel that leaves elements unwritten", async () => {
    const device = await testDevice();
    const half = defineOp({
      name: "half",
      inputs: ["x"],
      outputs: ["y"],
      shape: ({ x }) => ({ y: x }),
      lowerings: [
        {
          name: "half",
          wgsl: `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1)
fn half(@builtin(global_invocation_id) id: vec3u) { y[id.x] = x[id.x]; }`,
          launch: ({ shape }) => ({ grid: [shape.x[0]! - 1] }),
        },
      ],
      gradient: ({ dy }) => ({ x: dy }),
    });
    const inputs = { x: normal([4], 1) };
    const result = await gradientCheck(device, ({ x }) => mul(half({ x: x! }, {}).y, x!), inputs);
    expect(result.passed).toBe(false);
  });

  test("integers are not checked; unknown inputs are refused", async () => {
    const device = await testDevice();
    const labels: ArrayInput = { data: [1, 2], shape: [2], dtype: "i32" };
    const fn = ({ x }: Record<string, Value>) => exp(x!);
    const result = await gradientCheck(device, fn, { x: normal([2], 1), labels });
    expect(Object.keys(result.inputs)).toEqual(["x"]);
    await expect(gradientCheck(device, fn, { x: normal([2], 1), labels }, { inputs: ["y"] })).rejects.toThrow(
      "gradientCheck: input to check: expected x, got y",
    );
    await expect(gradientCheck(device, fn, { labels })).rejects.toThrow("at least one of dtype f32");
  });
});
