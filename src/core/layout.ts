import { numel, roundUp, rowMajorStrides, type Shape } from "./shape.ts";

/**
 * How a logical shape lies in memory: axes reordered (`order[i]` is the logical axis at physical position i), each
 * physical axis rounded up to a multiple of `align[i]`. Users never see a layout; the compiler assigns it.
 */
export interface Layout {
  readonly name: string;
  /** Undefined: row-major, unpadded, any rank. */
  readonly order?: readonly number[];
  readonly align?: readonly number[];
}

/** Row-major, unpadded: every rank but activations and weights of rank 4, and all user-defined ops. */
export const PLAIN: Layout = { name: "plain" };
/** Activations [N, C, H, W] as N, H, W, C with C padded to a multiple of 4, so that every load is a vec4. */
export const CHANNELS_LAST: Layout = { name: "channelsLast", order: [0, 2, 3, 1], align: [1, 1, 1, 4] };
/** Convolution weights [K, C, R, S] as R, S, C, K with C and K padded to multiples of 4; padding is exactly 0. */
export const WEIGHT_HWIO: Layout = { name: "hwio", order: [2, 3, 1, 0], align: [1, 1, 4, 4] };
/** Linear weights [out, in] as in, out, both padded to multiples of 4; padding is exactly 0. */
export const WEIGHT_IO: Layout = { name: "io", order: [1, 0], align: [4, 4] };

/** A shape laid out in memory. */
export interface Physical {
  readonly layout: Layout;
  readonly shape: Shape;
  /** Physical dimensions, padded, outermost first. */
  readonly dims: readonly number[];
  /** Stride in elements of each *logical* axis. */
  readonly strides: readonly number[];
  /** Elements including padding. */
  readonly size: number;
}

/** Places `shape` in memory by `layout`. A layout whose order does not fit the rank means a bug in the compiler. */
export function physical(shape: Shape, layout: Layout): Physical {
  const order = layout.order ?? shape.map((_, axis) => axis);
  if (order.length !== shape.length) {
    throw new RangeError(`layout ${layout.name} holds rank ${order.length}, got shape [${shape.join(", ")}]`);
  }
  const dims = order.map((axis, position) => roundUp(shape[axis]!, layout.align?.[position] ?? 1));
  const packed = rowMajorStrides(dims);
  const strides = new Array<number>(shape.length);
  order.forEach((axis, position) => {
    strides[axis] = packed[position]!;
  });
  return { layout, shape, dims, strides, size: numel(dims) };
}

/** True if some element of the physical array is padding. */
export function isPadded(p: Physical): boolean {
  return p.size !== numel(p.shape);
}

/** Logical row-major data into physical order, padding 0. */
export function pack<T extends Float32Array | Int32Array | Uint32Array>(data: T, p: Physical): T {
  if (p.layout.order === undefined) return data;
  const out = new (data.constructor as new (length: number) => T)(p.size);
  forEachOffset(p, (logical, offset) => {
    out[offset] = data[logical]!;
  });
  return out;
}

/** Physical data back into logical row-major order, padding dropped. */
export function unpack<T extends Float32Array | Int32Array | Uint32Array>(data: T, p: Physical): T {
  if (p.layout.order === undefined) return data.slice(0, p.size) as T;
  const out = new (data.constructor as new (length: number) => T)(numel(p.shape));
  forEachOffset(p, (logical, offset) => {
    out[logical] = data[offset]!;
  });
  return out;
}

function forEachOffset(p: Physical, visit: (logical: number, offset: number) => void): void {
  const index = new Array<number>(p.shape.length).fill(0);
  const count = numel(p.shape);
  let offset = 0;
  for (let logical = 0; logical < count; logical++) {
    visit(logical, offset);
    for (let axis = p.shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      offset += p.strides[axis]!;
      if (index[axis]! < p.shape[axis]!) break;
      offset -= p.strides[axis]! * p.shape[axis]!;
      index[axis] = 0;
    }
  }
}
