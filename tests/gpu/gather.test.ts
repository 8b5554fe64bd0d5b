import { expect, test } from "vitest";
import { evaluate } from "../../src/evaluate.ts";
import { type GatherAttrs, gather } from "../../src/ops/gather.ts";
import { testDevice } from "../setup/gpu.ts";

/** Batches of a column on the device, as bytes, floats and integers, one or four elements to a thread, against plain code. */

interface Column {
  readonly storage: GatherAttrs["storage"];
  readonly example: readonly number[];
  readonly batch: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

const columns: readonly Column[] = [
  { storage: "f32", example: [5], batch: 3 },
  { storage: "f32", example: [8], batch: 7 },
  { storage: "f32", example: [3, 2, 6], batch: 5, mean: [0.25, -0.5, 2], std: [0.5, 2, 4] },
  { storage: "f32", example: [2, 3, 3], batch: 5, mean: [0.25, -0.5], std: [0.5, 2] },
  // More than 4096 vec4s: eight to a thread, and not a whole number of them.
  { storage: "f32", example: [516], batch: 37, mean: [0.5], std: [2] },
  { storage: "f32", example: [33], batch: 131 },
  { storage: "u8", example: [7], batch: 5 },
  { storage: "u8", example: [12], batch: 5, mean: [0.25], std: [0.5] },
  { storage: "u8", example: [3, 4, 4], batch: 4, mean: [0.25, 0.5, 0.75], std: [0.5, 0.25, 2] },
  { storage: "u8", example: [1, 28, 28], batch: 30, mean: [0.125], std: [0.5] },
  { storage: "i32", example: [], batch: 9 },
  { storage: "i32", example: [4], batch: 3 },
];

test.each(columns)("$storage $example, $batch examples", async (column) => {
  const { storage, example, batch, mean = [], std = [] } = column;
  const size = example.reduce((a, b) => a * b, 1);
  const count = batch + 3;
  const bytes = Uint8Array.from({ length: Math.ceil((count * size) / 4) * 4 }, (_, i) => (i * 37 + 11) % 251);
  const numbers = Float32Array.from({ length: count * size }, (_, i) => Math.sin(i * 12.9898) * 3);
  const integers = Int32Array.from({ length: count * size }, (_, i) => (i * 7919) % 1000);
  const words = { u8: bytes, f32: numbers, i32: integers }[storage];
  const order = Uint32Array.from({ length: count + 2 }, (_, i) => (i * 5 + 1) % count);
  const start = 2;
  const result = await evaluate(
    await testDevice(),
    ({ source, indices }) => gather(source!, indices!, { batch, example, storage, mean, std }),
    {
      source: { data: new Uint32Array(words.buffer), shape: [words.byteLength / 4], dtype: "u32" },
      indices: { data: order, shape: [order.length], dtype: "u32" },
    },
    { poison: true, row: { batchStart: start } },
  );
  const inner = size / (example[0] ?? 1);
  const want = Array.from({ length: batch * size }, (_, i) => {
    const e = i % size;
    const at = order[start + Math.floor(i / size)]! * size + e;
    if (storage === "i32") return integers[at]!;
    const value = storage === "u8" ? bytes[at]! / 255 : numbers[at]!;
    const channel = Math.floor(e / inner);
    return (value - (mean[channel] ?? mean[0] ?? 0)) / (std[channel] ?? std[0] ?? 1);
  });
  const got = [...result.outputs.output!.data];
  expect(got.length).toBe(want.length);
  for (const [i, value] of want.entries()) expect(Math.abs(got[i]! - value)).toBeLessThan(2e-6);
});
