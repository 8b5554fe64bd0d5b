import { expect, test } from "vitest";
import { cumulativeSum, snake } from "../../demo/custom-op.ts";
import { evaluate, gradientCheck } from "../../src/index.ts";
import { testDevice } from "../setup/gpu.ts";

// The example of the README is this file's import.

const x = { data: [0.3, -1.2, 2, 0.7, -0.4, 1.5], shape: [2, 3] };

test("a pointwise op of one's own", async () => {
  const device = await testDevice();
  const { outputs } = await evaluate(device, ({ x }) => snake(x!, 2), { x });
  outputs.output!.data.forEach((y, i) => {
    // WGSL promises its sine to 2^-11 only.
    expect(y).toBeCloseTo(x.data[i]! + Math.sin(2 * x.data[i]!) ** 2 / 2, 3);
  });
  const check = await gradientCheck(device, ({ x }) => snake(x!, 2), { x });
  expect(check.passed, check.text).toBe(true);
});

test("a kernel of one's own, which is its own gradient the other way round", async () => {
  const device = await testDevice();
  const { outputs } = await evaluate(device, ({ x }) => cumulativeSum(x!), {
    x: { ...x, data: [1, 2, 3, 4, 5, 6] },
  });
  expect([...outputs.output!.data]).toEqual([1, 3, 6, 4, 9, 15]);
  for (const reverse of [false, true]) {
    const check = await gradientCheck(device, ({ x }) => cumulativeSum(x!, reverse), { x });
    expect(check.passed, check.text).toBe(true);
  }
});
