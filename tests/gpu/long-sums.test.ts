import { expect, test } from "vitest";
import { workloadArrays } from "../../src/bench/arrays.ts";
import { evaluate } from "../../src/index.ts";
import { conv2d, matmul } from "../../src/ops/index.ts";
import { testDevice } from "../setup/gpu.ts";

/** Sums so long that a kernel adds them up in several chunks, each of which has to begin at zero. */

test("a product of 1100 terms, too large to be split", async () => {
  const [m, n, k] = [128, 128, 1100];
  const { a, b } = workloadArrays({ kind: "matmul", m, n, k });
  const { outputs } = await evaluate(await testDevice(), (v) => matmul(v.a!, v.b!), { a: a!, b: b! });
  const y = outputs.output!.data;
  for (const [row, column] of [
    [0, 0],
    [1, 127],
    [77, 64],
    [127, 3],
  ] as const) {
    let sum = 0;
    for (let i = 0; i < k; i++) sum += a!.data[row * k + i]! * b!.data[i * n + column]!;
    expect(y[row * n + column], `${row}, ${column}`).toBeCloseTo(sum, 4);
  }
});

test("a filter gradient over 12,544 pixels", async () => {
  const [batch, channels, filters, side] = [16, 32, 64, 28];
  const size = { batch, channels, height: side, width: side, filters, kernel: 3 };
  const { x, weight, dy } = workloadArrays({ kind: "conv", pass: "filterGradient", ...size });
  const { gradients } = await evaluate(
    await testDevice(),
    (v) => conv2d(v.x!, v.weight!, null, { padding: 1 }),
    { x: x!, weight: weight! },
    { upstream: { output: dy! } },
  );
  const at = (data: ArrayLike<number>, c: number, n: number, of: number, h: number, w: number) =>
    h < 0 || w < 0 || h >= side || w >= side ? 0 : data[((n * of + c) * side + h) * side + w]!;
  for (const [k, c, r, s] of [
    [0, 0, 0, 0],
    [63, 31, 1, 1],
    [5, 17, 2, 0],
  ] as const) {
    let sum = 0;
    for (let n = 0; n < batch; n++)
      for (let p = 0; p < side; p++)
        for (let q = 0; q < side; q++)
          sum += at(x!.data, c, n, channels, p + r - 1, q + s - 1) * at(dy!.data, k, n, filters, p, q);
    const got = gradients.weight!.data[((k * channels + c) * 3 + r) * 3 + s]!;
    expect(got, `${[k, c, r, s]}`).toBeCloseTo(sum, 2);
  }
});
