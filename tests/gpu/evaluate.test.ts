import { expect, test } from "vitest";
import { evaluate } from "../../src/evaluate.ts";
import { add, relu, sum } from "../../src/ops/index.ts";
import { testDevice } from "../setup/gpu.ts";

test("a small graph with its gradients", async () => {
  const device = await testDevice();
  const result = await evaluate(
    device,
    ({ x, b }) => sum(relu(add(x!, b!)), { axes: [1] }),
    {
      x: { data: [1, -2, 3, -4, 5, -6], shape: [2, 3] },
      b: { data: [0.5, 0.5, 0.5], shape: [3] },
    },
    { upstream: { output: { data: [1, 10], shape: [2] } }, poison: true },
  );
  expect([...result.outputs.output!.data]).toEqual([5, 5.5]);
  expect([...result.gradients.x!.data]).toEqual([1, 0, 1, 0, 10, 0]);
  expect([...result.gradients.b!.data]).toEqual([1, 10, 1]);
});
