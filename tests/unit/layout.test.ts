import { describe, expect, test } from "vitest";
import {
  CHANNELS_LAST,
  isPadded,
  type Layout,
  PLAIN,
  pack,
  physical,
  unpack,
  WEIGHT_HWIO,
  WEIGHT_IO,
} from "../../src/core/layout.ts";
import { numel, type Shape } from "../../src/core/shape.ts";

const counting = (count: number) => Float32Array.from({ length: count }, (_, i) => i + 1);

const cases: readonly [Layout, Shape][] = [
  [PLAIN, []],
  [PLAIN, [7]],
  [PLAIN, [2, 3, 5, 7, 2]],
  [CHANNELS_LAST, [1, 1, 1, 1]],
  [CHANNELS_LAST, [2, 3, 5, 7]],
  [CHANNELS_LAST, [3, 8, 1, 2]],
  [CHANNELS_LAST, [1, 9, 4, 4]],
  [WEIGHT_HWIO, [1, 1, 1, 1]],
  [WEIGHT_HWIO, [10, 3, 5, 4]],
  [WEIGHT_HWIO, [8, 4, 3, 3]],
  [WEIGHT_IO, [10, 7]],
  [WEIGHT_IO, [4, 8]],
];

describe("layouts", () => {
  test.each(cases.map(([layout, shape]) => ({ name: layout.name, layout, shape })))(
    "$name $shape: packed and unpacked",
    ({ layout, shape }) => {
      const place = physical(shape, layout);
      const data = counting(numel(shape));
      const packed = pack(data, place);
      expect(packed).toHaveLength(place.size);
      expect(unpack(packed, place)).toEqual(data);
      // Every element once, zeros elsewhere.
      expect([...packed].filter((value) => value !== 0).sort((a, b) => a - b)).toEqual([...data]);
      expect(isPadded(place)).toBe(place.size !== data.length);
    },
  );

  test("channels last: pixel after pixel, channels padded to four", () => {
    const place = physical([1, 3, 1, 2], CHANNELS_LAST);
    expect([...pack(counting(6), place)]).toEqual([1, 3, 5, 0, 2, 4, 6, 0]);
    expect(place).toMatchObject({ dims: [1, 1, 2, 4], strides: [8, 1, 8, 4], size: 8 });
  });

  test("linear weights: inputs outermost, both sides padded", () => {
    const packed = pack(counting(6), physical([2, 3], WEIGHT_IO));
    expect([...packed]).toEqual([1, 4, 0, 0, 2, 5, 0, 0, 3, 6, 0, 0, 0, 0, 0, 0]);
  });

  test("convolution weights: R, S, C, K", () => {
    const place = physical([5, 2, 3, 4], WEIGHT_HWIO);
    expect(place.dims).toEqual([3, 4, 4, 8]);
    const packed = pack(counting(120), place);
    // weight[k=4, c=1, r=2, s=3] is the last logical element, at ((2·4 + 3)·4 + 1)·8 + 4.
    expect(packed[((2 * 4 + 3) * 4 + 1) * 8 + 4]).toBe(120);
  });

  test("unpack drops what lies behind a plain array, and copies it", () => {
    const data = new Float32Array([1, 2, 3, 4]);
    const result = unpack(data, physical([3], PLAIN));
    expect([...result]).toEqual([1, 2, 3]);
    result[0] = 9;
    expect(data[0]).toBe(1);
  });

  test("integers keep their type", () => {
    const place = physical([1, 2, 1, 1], CHANNELS_LAST);
    expect(pack(Int32Array.of(-1, -2), place)).toEqual(Int32Array.of(-1, -2, 0, 0));
    expect(unpack(Uint32Array.of(1, 2, 9, 9), place)).toEqual(Uint32Array.of(1, 2));
  });

  test("a layout of another rank is a bug of the compiler", () => {
    expect(() => physical([2, 3], CHANNELS_LAST)).toThrow(
      "layout channelsLast holds rank 4, got shape [2, 3]",
    );
  });
});
