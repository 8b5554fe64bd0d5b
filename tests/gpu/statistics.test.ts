import { describe, expect, test } from "vitest";
import { binEdges, type HistogramScale } from "../../src/core/histogram.ts";
import { randomBits, randomNormal } from "../../src/core/random.ts";
import type { Value } from "../../src/graph/value.ts";
import { evaluate } from "../../src/index.ts";
import { conv2d, neg, statistics } from "../../src/ops/index.ts";
import { decodeStatistics, type TensorStatistics } from "../../src/train/statistics.ts";
import { testDevice } from "../setup/gpu.ts";

/** The op `statistics` against the same in float64: counts exactly, but for values within 1e-6 of an edge. */

const LINEAR: HistogramScale = { bins: 40, range: [0, 10], scale: "linear" };
const LOG: HistogramScale = { bins: 24, range: [1e-6, 1e2], scale: "log" };

async function onDevice(
  data: Float32Array,
  shape: readonly number[],
  scale: HistogramScale,
  through: (x: Value) => Value = (x) => x,
): Promise<TensorStatistics> {
  const { outputs } = await evaluate(
    await testDevice(),
    ({ x }) => statistics(through(x!), scale),
    { x: { data, shape } },
    { poison: true },
  );
  return decodeStatistics((outputs.output!.data as Uint32Array).slice().buffer as ArrayBuffer, scale);
}

/** Counts by bin, and how many values lie so close to an edge that either side is right. */
function reference(data: Float32Array, scale: HistogramScale) {
  const edges = binEdges(scale);
  const bins = new Uint32Array(scale.bins);
  const near = new Uint32Array(scale.bins + 1);
  const finite = [...data].filter(Number.isFinite);
  let [under, over] = [0, 0];
  for (const v of finite) {
    const a = Math.abs(v);
    for (const [k, edge] of edges.entries()) {
      // On a linear scale the first edge is 0 and the others multiples of a power of two: nothing is uncertain.
      const margin = scale.scale === "log" ? 1e-6 * edge : edge === 0 ? 0 : 1e-6;
      if (a !== edge && Math.abs(a - edge) <= margin) near[k]!++;
    }
    if (a < edges[0]!) under++;
    else if (a > edges.at(-1)!) over++;
    else
      bins[
        Math.min(
          scale.bins - 1,
          edges.findLastIndex((edge) => edge <= a),
        )
      ]!++;
  }
  const mean = finite.reduce((sum, v) => sum + v, 0) / finite.length;
  const deviations = finite.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return {
    ...{ bins, near, under, over, mean },
    count: data.length,
    std: Math.sqrt(deviations / (finite.length - 1)),
    min: Math.min(...finite),
    max: Math.max(...finite),
    norm: Math.hypot(...finite),
    nan: data.filter(Number.isNaN).length,
    inf: data.filter((v) => Math.abs(v) === Number.POSITIVE_INFINITY).length,
    signedBelow005: finite.filter((v) => v <= Math.fround(0.05)).length / data.length,
  };
}

function compare(got: TensorStatistics, data: Float32Array, scale: HistogramScale): void {
  const want = reference(data, scale);
  for (const name of ["count", "min", "max", "nan", "inf", "signedBelow005"] as const)
    expect(got[name], name).toBe(want[name]);
  const size = Math.max(Math.abs(want.mean), want.std);
  expect(Math.abs(got.mean - want.mean)).toBeLessThanOrEqual(2e-6 * size);
  expect(Math.abs(got.std - want.std)).toBeLessThanOrEqual(2e-6 * want.std);
  expect(Math.abs(got.norm - want.norm)).toBeLessThanOrEqual(4e-6 * want.norm);
  const listed = (k: number) => want.near[k]! + want.near[k + 1]!;
  for (let k = 0; k < scale.bins; k++)
    expect(Math.abs(got.bins[k]! - want.bins[k]!), `bin ${k}`).toBeLessThanOrEqual(listed(k));
  expect(Math.abs(got.under - want.under)).toBeLessThanOrEqual(want.near[0]!);
  expect(Math.abs(got.over - want.over)).toBeLessThanOrEqual(want.near.at(-1)!);
  const all = got.bins.reduce((sum, n) => sum + n, 0) + got.under + got.over + got.nan + got.inf;
  expect(all).toBe(data.length);
  expect(got.firstBinShare).toBe(got.bins[0]! / got.bins.reduce((sum, n) => sum + n, 0));
}

/** Normal numbers with every edge, both signs of it, zeros, numbers beyond the range, NaN and infinities. */
function numbers(count: number, scale: HistogramScale, special: boolean): Float32Array {
  const edges = [...binEdges(scale)];
  const bits = new Float32Array(Uint32Array.of(0xffc12345, 0x7f812345).buffer);
  const extra = [...edges, ...edges.map((edge) => -edge), 0, -0, 1e-30, 1e20, -1e20];
  if (special) extra.push(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, ...bits);
  return Float32Array.from({ length: count }, (_, i) => {
    const pick = randomBits(7, i) % 97;
    if (count > 200 && pick < 3) return extra[randomBits(8, i) % extra.length]!;
    return randomNormal(9, i) * (scale.scale === "log" ? 10 ** ((randomBits(10, i) % 9) - 7) : 3);
  });
}

describe("statistics", () => {
  test.each<[string, readonly number[], HistogramScale, boolean]>([
    ["one number", [1], LINEAR, false],
    ["a prime of them", [997], LINEAR, true],
    ["many, plain", [3, 7, 4099], LINEAR, true],
    ["many, on a logarithmic scale", [3, 7, 4099], LOG, true],
  ])("of %s", async (_, shape, scale, special) => {
    const data = numbers(
      shape.reduce((a, b) => a * b, 1),
      scale,
      special,
    ).map((v) => (Math.abs(v) > 1e6 && Number.isFinite(v) ? Math.sign(v) * 1e3 : v));
    const got = await onDevice(data, shape, scale);
    if (data.length > 1) compare(got, data, scale);
    else expect([got.count, got.mean, got.std, got.min]).toEqual([1, data[0], Number.NaN, data[0]]);
  });

  test.each([1, 3, 5, 8])("of %i channels, which lie last and padded", async (channels) => {
    const shape = [2, channels, 9, 11];
    const x = numbers(2 * channels * 99, LINEAR, false).map((v) => (Math.abs(v) > 1e6 ? 4 : v));
    // A convolution of one pixel with the identity leaves x channels last, NaN in its padding.
    const data = Float32Array.from(x);
    const identity = Float32Array.from({ length: channels ** 2 }, (_, i) =>
      Math.floor(i / channels) === i % channels ? 1 : 0,
    );
    const { outputs } = await evaluate(
      await testDevice(),
      ({ x: v, weight }) => statistics(conv2d(v!, weight!, null, {}), LINEAR),
      { x: { data, shape }, weight: { data: identity, shape: [channels, channels, 1, 1] } },
      { poison: true },
    );
    const words = (outputs.output!.data as Uint32Array).slice().buffer as ArrayBuffer;
    compare(decodeStatistics(words, LINEAR), data, LINEAR);
  });

  test("of a large mean with a small deviation", async () => {
    const data = Float32Array.from({ length: 60_000 }, (_, i) => 1000 + 0.01 * randomNormal(3, i));
    compare(await onDevice(data, [60_000], LINEAR), data, LINEAR);
  });

  test("of nothing finite: no mean, no extremes", async () => {
    const data = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NaN);
    const got = await onDevice(data, [3], LINEAR, neg);
    expect(got).toMatchObject({
      count: 3,
      nan: 2,
      inf: 1,
      mean: Number.NaN,
      min: Number.NaN,
      std: Number.NaN,
    });
  });

  test("equal bits every time", async () => {
    const data = numbers(50_021, LINEAR, true);
    const [a, b] = [await onDevice(data, [50_021], LINEAR), await onDevice(data, [50_021], LINEAR)];
    expect(a).toEqual(b);
  });

  test("bins that are none are refused", async () => {
    const refused = (scale: HistogramScale) => onDevice(Float32Array.of(1), [1], scale);
    await expect(refused({ bins: 0, range: [0, 1], scale: "linear" })).rejects.toThrow(
      "bins of the histogram",
    );
    await expect(refused({ bins: 4, range: [0, 1], scale: "log" })).rejects.toThrow("above 0");
    await expect(refused({ bins: 4, range: [2, 1], scale: "linear" })).rejects.toThrow("[2, 1]");
  });
});
