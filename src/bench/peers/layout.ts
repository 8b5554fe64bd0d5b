import type { BenchArray } from "../arrays.ts";

/** The array with its axes in another order: axis i of the result is axis `order[i]`. */
export function permuted({ shape, data }: BenchArray, order: readonly number[]): BenchArray<Float32Array> {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const result = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const out = new Float32Array(data.length);
  const index = new Array<number>(result.length).fill(0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from]!;
    for (let axis = result.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      from += steps[axis]!;
      if (index[axis]! < result[axis]!) break;
      from -= steps[axis]! * result[axis]!;
      index[axis] = 0;
    }
  }
  return { shape: result, data: out };
}

/** A matrix with rows and columns exchanged. */
export function transposed(array: BenchArray): BenchArray<Float32Array> {
  return permuted(array, [1, 0]);
}

/** NCHW to NHWC, [K, C, R, S] to [R, S, C, K], [out, in] to [in, out]. */
export function channelsLast(array: BenchArray): BenchArray<Float32Array> {
  return permuted(array, [0, 2, 3, 1]);
}

export function filtersLast(array: BenchArray): BenchArray<Float32Array> {
  return permuted(array, [2, 3, 1, 0]);
}

/** NHWC back to NCHW. */
export function channelsFirst(array: BenchArray): BenchArray<Float32Array> {
  return permuted(array, [0, 3, 1, 2]);
}

/** [R, S, C, K] back to [K, C, R, S]. */
export function filtersFirst(array: BenchArray): BenchArray<Float32Array> {
  return permuted(array, [3, 2, 0, 1]);
}
