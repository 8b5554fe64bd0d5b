import { describe, expect, test } from "vitest";
import { hashString, randomUnit, streamKey } from "../../src/core/random.ts";
import { type EvaluateOptions, evaluate } from "../../src/evaluate.ts";
import { scope } from "../../src/graph/trace.ts";
import type { Value } from "../../src/graph/value.ts";
import { dropout, dropout2d } from "../../src/ops/index.ts";
import { testDevice } from "../setup/gpu.ts";

const ones = { data: new Float32Array(4000).fill(1), shape: [40, 100] };

async function run(
  fn: (x: Value) => Value | Record<string, Value>,
  options: EvaluateOptions = {},
): Promise<Record<string, number[]>> {
  const device = await testDevice();
  const { outputs } = await evaluate(device, ({ x }) => fn(x!), { x: ones }, { mode: "train", ...options });
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data]]));
}

describe("dropout", () => {
  test("draws the host's numbers for seed, step and layer path", async () => {
    const { output } = await run((x) => scope("head.1", () => dropout(x, { p: 0.3 })), { seed: 7, step: 41 });
    const key = streamKey(7, 41, 0, hashString("head.1"));
    const kept = Math.fround(1 / (1 - 0.3));
    expect(output).toEqual(output!.map((_, i) => (randomUnit(key, i) >= Math.fround(0.3) ? kept : 0)));
  });

  test("two at one place differ, and each has its own mask in the gradient", async () => {
    const device = await testDevice();
    const { outputs, gradients } = await evaluate(
      device,
      ({ x, z }) => ({ a: dropout(x!), b: dropout(z!) }),
      { x: ones, z: ones },
      { mode: "train", upstream: { a: ones, b: ones } },
    );
    expect(outputs.a!.data).not.toEqual(outputs.b!.data);
    expect(gradients.x!.data).toEqual(outputs.a!.data);
    expect(gradients.z!.data).toEqual(outputs.b!.data);
  });

  test("another seed or step is another mask, the same again the same", async () => {
    const mask = async (options: EvaluateOptions) => (await run((x) => dropout(x), options)).output!;
    const first = await mask({ seed: 1, step: 2 });
    expect(await mask({ seed: 1, step: 2 })).toEqual(first);
    expect(await mask({ seed: 2, step: 2 })).not.toEqual(first);
    expect(await mask({ seed: 1, step: 3 })).not.toEqual(first);
  });

  test("keeps the share it says, and the mean", async () => {
    const { output } = await run((x) => dropout(x, { p: 0.2 }));
    const dropped = output!.filter((value) => value === 0).length / output!.length;
    // Four deviations of a binomial share of 4000.
    expect(Math.abs(dropped - 0.2)).toBeLessThan(4 * Math.sqrt((0.2 * 0.8) / 4000));
  });

  test("p = 1 gives zeros, in the gradient too; p = 0 and evaluation give x itself", async () => {
    const device = await testDevice();
    const nothing = await evaluate(
      device,
      ({ x }) => dropout(x!, { p: 1 }),
      { x: ones },
      {
        mode: "train",
        upstream: { output: ones },
      },
    );
    expect(new Set(nothing.outputs.output!.data)).toEqual(new Set([0]));
    expect(new Set(nothing.gradients.x!.data)).toEqual(new Set([0]));
    await run((x) => {
      expect(dropout(x, { p: 0 })).toBe(x);
      return x;
    });
    await run(
      (x) => {
        expect(dropout(x)).toBe(x);
        expect(dropout2d(x.shape.length < 3 ? { ...x, shape: [40, 25, 4] } : x)).toBeDefined();
        return x;
      },
      { mode: "eval" },
    );
  });
});
