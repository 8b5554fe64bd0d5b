import { describe, expect, test } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import { slice } from "../../src/data/data-set.ts";
import { DIGIT_FORMS } from "../../src/data/digit-forms.ts";
import { drawnDigits } from "../../src/data/drawn-digits.ts";
import { imageMoments } from "../../src/data/moments.ts";
import { packForms, parseForms } from "../../src/data/pack-forms.ts";
import { DIGIT_SEGMENTS } from "../../src/ops/digit-strokes.ts";

describe("forms of digits", () => {
  const digits = parseForms(DIGIT_FORMS);

  test("86 of them, five at least for every digit", () => {
    expect(digits).toHaveLength(10);
    expect(digits.flat()).toHaveLength(86);
    expect(Math.min(...digits.map((forms) => forms.length))).toBeGreaterThanOrEqual(5);
  });

  test("keyframes have the same strokes, and fit what the shader keeps", () => {
    for (const [digit, forms] of digits.entries()) {
      for (const { name, weight, keys } of forms) {
        const label = `${digit} ${name}`;
        expect(weight, label).toBeGreaterThan(0);
        expect(keys.length, label).toBeGreaterThanOrEqual(2);
        expect(keys.length, label).toBeLessThanOrEqual(4);
        const ends = (k: number) => keys[k]!.map(({ isLast }) => isLast);
        for (const k of keys.keys()) expect(ends(k), label).toEqual(ends(0));
        const strokes = ends(0).filter(Boolean).length;
        expect(keys[0]!.length, label).toBeLessThanOrEqual(16);
        expect(4 * (keys[0]!.length - strokes), label).toBeLessThanOrEqual(DIGIT_SEGMENTS);
        for (const { x, y } of keys.flat()) expect(Math.max(Math.abs(x), Math.abs(y))).toBeLessThan(200);
      }
    }
  });

  test("packed words say what the text says", () => {
    const words = packForms(digits);
    const floats = new Float32Array(words.buffer);
    for (const [digit, forms] of digits.entries()) {
      const record = words[2 * digit]!;
      expect(words[2 * digit + 1]).toBe(forms.length);
      expect(floats[record + 4 * (forms.length - 1)]).toBeCloseTo(1, 6);
      for (const [f, { keys }] of forms.entries()) {
        const [, count, points, place] = words.subarray(record + 4 * f);
        expect([count, points]).toEqual([keys.length, keys[0]!.length]);
        const last = keys.at(-1)!.at(-1)!;
        const word = words[place! + count! * points! - 1]!;
        expect([(word & 1023) - 256, ((word >> 10) & 1023) - 256]).toEqual([last.x, last.y]);
        expect(Boolean(word & (1 << 21))).toBe(true);
      }
    }
  });
});

describe("drawn digits", () => {
  test("labels are balanced, nothing is stored but them", () => {
    const { train, valid } = drawnDigits();
    expect([train.count, valid.count]).toEqual([3000, 600]);
    expect(train.inputs.x?.shape).toEqual([1, 28, 28]);
    expect(train.inputs.x?.data).toHaveLength(0);
    const labels = train.targets.y!.data as Int32Array;
    for (let digit = 0; digit < 10; digit++) {
      expect(labels.filter((label) => label === digit)).toHaveLength(300);
    }
  });

  test("validation draws from a stream of its own, once", () => {
    const { train, valid } = drawnDigits({ seed: 4 });
    expect(train.generator).toMatchObject({ seed: 4, fresh: true, columns: ["x"] });
    expect(valid.generator?.fresh).toBe(false);
    expect(valid.generator?.seed).not.toBe(4);
  });

  test.each([{ count: 0 }, { valid: 2.5 }, { seed: -1 }, { shift: 9 }])("%o is refused", (options) => {
    expect(() => drawnDigits(options)).toThrow(OptionError);
  });

  test("drawn data cannot be cut", () => {
    expect(() => slice(drawnDigits().train, 0, 10)).toThrow("generated data");
  });
});

test("moments: of bytes by channel, and of a constant", () => {
  const bytes = Uint8Array.of(0, 255, 51, 51, 0, 255, 51, 51);
  const { mean, std } = imageMoments(bytes, 2, 4);
  expect(mean[0]).toBeCloseTo(0.5, 12);
  expect(mean[1]).toBeCloseTo(0.2, 12);
  expect(std[0]).toBeCloseTo(0.5, 12);
  expect(imageMoments(Uint8Array.of(0, 0), 1).std).toEqual([1]);
});
