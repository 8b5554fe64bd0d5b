import { describe, expect, test } from "vitest";
import {
  hashString,
  pcg,
  permutation,
  randomBits,
  randomNormal,
  randomUnit,
  streamKey,
} from "../../src/core/random.ts";

/** Mean and standard deviation. */
function moments(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length) };
}

describe("random numbers", () => {
  test("the numbers themselves: they must never change, saved runs depend on them", () => {
    expect([0, 1, 2, 0xffffffff].map(pcg)).toMatchInlineSnapshot(`
      [
        129708002,
        2831084092,
        2055130248,
        3861530882,
      ]
    `);
    expect([
      streamKey(),
      streamKey(0),
      streamKey(1, 2),
      streamKey(2, 1),
      streamKey(-1),
    ]).toMatchInlineSnapshot(`
      [
        2654435769,
        2419168863,
        2659268385,
        2477050417,
        3772920559,
      ]
    `);
    expect([0, 1, 2, 4294967295].map((i) => randomBits(12345, i))).toMatchInlineSnapshot(`
      [
        1187482491,
        3302268741,
        2697207955,
        699509078,
      ]
    `);
    expect([0, 1, 2].map((i) => randomUnit(7, i))).toMatchInlineSnapshot(`
      [
        0.758884608745575,
        0.16653627157211304,
        0.7462608814239502,
      ]
    `);
    expect([0, 1, 2].map((i) => Math.fround(randomNormal(7, i)))).toMatchInlineSnapshot(`
      [
        0.8445468544960022,
        -1.2566157579421997,
        -0.4993547797203064,
      ]
    `);
    expect([...permutation(8, 3)]).toMatchInlineSnapshot(`
      [
        7,
        0,
        6,
        3,
        5,
        1,
        4,
        2,
      ]
    `);
  });

  test("FNV-1a's published values", () => {
    expect(["", "a", "foobar"].map(hashString)).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
  });

  test("pcg is a permutation: no two of many inputs meet", () => {
    const seen = new Set(Array.from({ length: 100000 }, (_, i) => pcg(i * 42949)));
    expect(seen.size).toBe(100000);
  });

  test("uniform numbers: range, moments, independence of neighbours and of streams", () => {
    const count = 50000;
    const draws = Array.from({ length: count }, (_, i) => randomUnit(99, i));
    expect(Math.min(...draws.slice(0, 10000))).toBeGreaterThanOrEqual(0);
    expect(draws.every((u) => u < 1 && Math.fround(u) === u)).toBe(true);
    const { mean, deviation } = moments(draws);
    expect(mean).toBeCloseTo(0.5, 2);
    expect(deviation).toBeCloseTo(Math.sqrt(1 / 12), 2);
    const correlation = (other: (i: number) => number) =>
      draws.reduce((sum, u, i) => sum + (u - 0.5) * (other(i) - 0.5), 0) / count / deviation ** 2;
    for (const other of [
      (i: number) => randomUnit(99, i + 1),
      (i: number) => randomUnit(100, i),
      (i: number) => randomUnit(streamKey(99), i),
    ]) {
      expect(Math.abs(correlation(other))).toBeLessThan(4 / Math.sqrt(count));
    }
  });

  test("normal numbers", () => {
    const { mean, deviation } = moments(Array.from({ length: 50000 }, (_, i) => randomNormal(5, i)));
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(deviation - 1)).toBeLessThan(0.02);
  });

  test("a permutation holds every index once, and every place is about as likely", () => {
    expect([...permutation(1000, 17)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 1000 }, (_, i) => i),
    );
    expect([...permutation(0, 1)]).toEqual([]);
    const first = new Array<number>(10).fill(0);
    for (let key = 0; key < 5000; key++) first[permutation(10, streamKey(key))[0]!]!++;
    for (const count of first) expect(Math.abs(count - 500)).toBeLessThan(5 * Math.sqrt(450));
  });
});
