import { expect, test } from "vitest";
import { evaluate } from "../../src/evaluate.ts";
import { constant } from "../../src/graph/leaf.ts";
import { correctTopK, record } from "../../src/ops/index.ts";
import { testDevice } from "../setup/gpu.ts";
import { runFlat } from "./flat-run.ts";

test.each([1, 3, 7, 8, 16])("%i scalars of a step in its row of the ring", async (count) => {
  const values = Array.from({ length: count }, (_, i) => i + 0.5);
  const before = new Float32Array(64 * 16).fill(-1);
  const { flat } = await runFlat(
    () => {
      record(values.map((value) => constant(Float32Array.of(value), [])));
      return undefined;
    },
    { records: before },
    { recordRow: 5 },
  );
  const want = before.slice();
  want.set(values, 5 * 16);
  expect([...flat.records!]).toEqual([...want]);
});

test("record refuses arrays and too many scalars", async () => {
  const run = (count: number, size: number) =>
    runFlat(() => {
      record(Array.from({ length: count }, () => constant(new Float32Array(size))));
      return undefined;
    }, {});
  await expect(run(1, 2)).rejects.toThrow("expected one f32 number, got f32 [2]");
  await expect(run(17, 1)).rejects.toThrow("expected at most 16, got 17");
});

async function topK(
  scores: readonly number[],
  shape: readonly number[],
  labels: readonly number[],
  k: number,
) {
  const device = await testDevice();
  const positions = [shape[0]!, ...shape.slice(2)];
  const result = await evaluate(
    device,
    ({ scores: s, labels: l }) => correctTopK(s!, l!, { k }),
    { scores: { data: scores, shape }, labels: { data: labels, shape: positions, dtype: "i32" } },
    { poison: true },
  );
  return [...result.outputs.output!.data];
}

test("correctTopK counts larger scores; ties and equals do not push a label out", async () => {
  const scores = [0.1, 0.9, 0.3, 0.2, 5, 5, 5, 5, -3, -2, -1, -4];
  expect(await topK(scores, [3, 4], [1, 3, 0], 1)).toEqual([1, 1, 0]);
  expect(await topK(scores, [3, 4], [2, 0, 0], 2)).toEqual([1, 1, 0]);
  expect(await topK(scores, [3, 4], [0, 0, 0], 3)).toEqual([0, 1, 1]);
});

test("correctTopK of images, by pixel, in channels-last memory too", async () => {
  // Class 2 is largest at even pixels, class 0 at odd ones.
  const [n, c, h, w] = [2, 5, 2, 3] as const;
  const scores = Array.from({ length: n * c * h * w }, (_, i) => {
    const [cls, pixel] = [Math.floor(i / (h * w)) % c, i % (h * w)];
    return cls === (pixel % 2 === 0 ? 2 : 0) ? 1 : -cls;
  });
  const got = await topK(scores, [n, c, h, w], new Array<number>(n * h * w).fill(2), 1);
  expect(got).toEqual(Array.from({ length: n * h * w }, (_, i) => (i % 2 === 0 ? 1 : 0)));
});

test("correctTopK of NaN scores and of labels that are no classes is 0", async () => {
  const nan = Number.NaN;
  expect(await topK([nan, 0, 0, nan, 0, 1, 0, 1], [4, 2], [0, 0, -100, 2], 1)).toEqual([0, 0, 0, 0]);
});
