import { describe, expect, test } from "vitest";
import type { DataSet } from "../../src/data/data-set.ts";
import { drawnDigits } from "../../src/data/drawn-digits.ts";
import { imageMoments } from "../../src/data/moments.ts";

function sameBytes(a: DataSet, b: DataSet): boolean {
  return Buffer.compare(a.inputs.x!.data as Uint8Array, b.inputs.x!.data as Uint8Array) === 0;
}

describe("drawn digits", () => {
  const { train, valid } = drawnDigits();

  test("3,000 images of ten classes, the last fifth validating", () => {
    expect([train.count, valid.count]).toEqual([2400, 600]);
    expect(train.inputs.x?.shape).toEqual([1, 28, 28]);
    const counts = Array.from({ length: 10 }, (_, digit) =>
      (train.targets.y!.data as Int32Array).reduce((sum, label) => sum + Number(label === digit), 0),
    );
    expect(Math.min(...counts)).toBeGreaterThan(180);
  });

  test("same seed, same bytes; another seed, others", () => {
    const again = drawnDigits();
    expect(sameBytes(again.train, train)).toBe(true);
    expect(sameBytes(drawnDigits({ seed: 2, count: 10 }).train, drawnDigits({ count: 10 }).train)).toBe(
      false,
    );
  });

  test("every image has ink, hardly any at the border", () => {
    const data = train.inputs.x!.data as Uint8Array;
    for (let example = 0; example < train.count; example++) {
      const image = data.subarray(example * 784, (example + 1) * 784);
      const ink = image.reduce((sum, value) => sum + Number(value > 128), 0);
      expect(ink, `example ${example}`).toBeGreaterThan(8);
      const top = image.subarray(0, 28).reduce((sum, value) => sum + Number(value > 128), 0);
      expect(top, `top of ${example}`).toBeLessThan(14);
    }
  });

  test("moments: of bytes by channel, and of a constant", () => {
    const bytes = Uint8Array.of(0, 255, 51, 51, 0, 255, 51, 51);
    const { mean, std } = imageMoments(bytes, 2, 4);
    expect(mean[0]).toBeCloseTo(0.5, 12);
    expect(mean[1]).toBeCloseTo(0.2, 12);
    expect(std[0]).toBeCloseTo(0.5, 12);
    expect(imageMoments(Uint8Array.of(0, 0), 1).std).toEqual([1]);
  });
});
