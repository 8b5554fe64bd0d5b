import { expect, test } from "vitest";
import { type ArrayInput, evaluate } from "../../src/evaluate.ts";
import type { Value } from "../../src/graph/value.ts";
import { concat, conv2d, pad, permute, reshape, slice } from "../../src/ops/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** What the sweep of cases does not reach: more axes, many parts, integers, conversions in between. */

function counting(shape: readonly number[], dtype: "f32" | "i32" = "f32"): ArrayInput {
  const size = shape.reduce((a, b) => a * b, 1);
  return { data: Array.from({ length: size }, (_, i) => i), shape, dtype };
}

async function run(fn: (values: Record<string, Value>) => Value, inputs: Record<string, ArrayInput>) {
  const device = await testDevice();
  const { outputs } = await evaluate(device, fn, inputs, { poison: true });
  return { shape: outputs.output!.shape, data: [...outputs.output!.data] };
}

test("a permutation of five axes: pixels of sub-channels into a larger image", async () => {
  const [n, c, r, h, w] = [2, 3, 2, 4, 5] as const;
  const { shape, data } = await run(
    ({ x }) => reshape(permute(reshape(x!, [n, c, r, r, h, w]), [0, 1, 4, 2, 5, 3]), [n, c, h * r, w * r]),
    { x: counting([n, c * r * r, h, w]) },
  );
  expect(shape).toEqual([n, c, h * r, w * r]);
  data.forEach((value, i) => {
    const [px, py] = [i % (w * r), Math.floor(i / (w * r)) % (h * r)];
    const channel = Math.floor(i / (w * r * h * r));
    const sub = channel * r * r + (py % r) * r + (px % r);
    expect(value).toBe((sub * h + Math.floor(py / r)) * w + Math.floor(px / r));
  });
});

test("seventeen parts, more than one dispatch can bind", async () => {
  const parts = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`p${i}`, counting([2, i + 1])]));
  const { shape, data } = await run((values) => concat(Object.values(values), { axis: 1 }), parts);
  expect(shape).toEqual([2, 153]);
  const rows = [0, 1].map((row) =>
    Array.from({ length: 17 }, (_, i) => Array.from({ length: i + 1 }, (_, k) => row * (i + 1) + k)),
  );
  expect(data).toEqual(rows.flat(2));
});

test("integers are moved as they are", async () => {
  const x = { data: [-1, 2, 2147483647, -2147483648], shape: [4], dtype: "i32" as const };
  const { data } = await run(
    ({ x: v }) =>
      concat([slice(v!, { starts: [2], ends: [4] }), pad(v!, { pads: [[1, 0]], value: -100 })], { axis: 0 }),
    { x },
  );
  expect(data).toEqual([2147483647, -2147483648, -100, -1, 2, 2147483647, -2147483648]);
});

test("parts in different layouts: an image as given beside a convolution's result", async () => {
  const x = counting([1, 3, 2, 2]);
  const weight = {
    data: Array.from({ length: 5 * 3 }, (_, i) => (i % 4 === 0 ? 1 : 0)),
    shape: [5, 3, 1, 1],
  };
  const { data } = await run((v) => concat([v.x!, conv2d(v.x!, v.weight!, null, {}), v.x!], { axis: 1 }), {
    x,
    weight,
  });
  const image = x.data as number[];
  const convolved = [0, 1, 2, 3, 4].flatMap((k) =>
    [0, 1, 2, 3].map((at) =>
      [0, 1, 2].reduce((sum, c) => sum + (weight.data[k * 3 + c] ?? 0) * image[c * 4 + at]!, 0),
    ),
  );
  expect(data).toEqual([...image, ...convolved, ...image]);
});

test("a bias for 5 channels is not taken for zero behind them", async () => {
  const ones = (shape: readonly number[]): ArrayInput => ({
    shape,
    data: Array.from(counting(shape).data, () => 1),
  });
  const { data } = await run((v) => conv2d(conv2d(v.x!, v.first!, v.bias!, {}), v.second!, null, {}), {
    x: ones([1, 3, 2, 2]),
    first: ones([5, 3, 1, 1]),
    bias: ones([5]),
    second: ones([2, 5, 1, 1]),
  });
  expect(data).toEqual(data.map(() => 20));
});
