import type { HostArray } from "../core/dtype.ts";
import { DataError } from "../core/errors.ts";
import { formatShape, numel, type Shape } from "../core/shape.ts";

/** Element types of model files, as safetensors names them. */
export const TENSOR_BYTES = {
  F64: 8,
  I64: 8,
  F32: 4,
  I32: 4,
  F16: 2,
  BF16: 2,
  U8: 1,
  BOOL: 1,
} as const;

export type TensorDType = keyof typeof TENSOR_BYTES;

/** A tensor of a model file: row-major little-endian elements, a view into the file where it was read from one. */
export interface StoredTensor {
  readonly dtype: TensorDType;
  readonly shape: Shape;
  readonly bytes: Uint8Array;
}

/** A tensor of floats, or of integers (I32 unless I64 is asked for). */
export function storedTensor(
  shape: Shape,
  data: HostArray,
  dtype: "F32" | "I32" | "I64" = data instanceof Float32Array ? "F32" : "I32",
): StoredTensor {
  if (data.length !== numel(shape)) {
    throw new DataError({
      op: "storedTensor",
      problem: "number of elements",
      expected: `${numel(shape)} for ${formatShape(shape)}`,
      got: `${data.length}`,
    });
  }
  const view = new DataView(new ArrayBuffer(data.length * TENSOR_BYTES[dtype]));
  data.forEach((value, i) => {
    if (dtype === "F32") view.setFloat32(4 * i, value, true);
    else if (dtype === "I32") view.setInt32(4 * i, value, true);
    else view.setBigInt64(8 * i, BigInt(value), true);
  });
  return { dtype, shape, bytes: new Uint8Array(view.buffer) };
}

/**
 * The elements as f32. F32, F16 and BF16 keep their value; F64 and integers are rounded to the nearest; BOOL is 0 or 1.
 */
export function toFloats({ dtype, shape, bytes }: StoredTensor): Float32Array {
  const read = READERS[dtype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const floats = new Float32Array(numel(shape));
  const size = TENSOR_BYTES[dtype];
  for (let i = 0; i < floats.length; i++) floats[i] = read(view, size * i);
  return floats;
}

/**
 * The elements as i32, each exactly.
 * Errors  DataError for a number that is no integer or does not fit 32 bits
 */
export function toIntegers(tensor: StoredTensor, name: string): Int32Array {
  const { dtype, shape, bytes } = tensor;
  const read = READERS[dtype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const integers = new Int32Array(numel(shape));
  const size = TENSOR_BYTES[dtype];
  for (let i = 0; i < integers.length; i++) {
    const value = read(view, size * i);
    integers[i] = value;
    if (integers[i] === value) continue;
    throw new DataError({
      op: "model file",
      problem: `element ${i} of ${name}`,
      expected: "an integer of 32 bits",
      got: `${value} (${dtype})`,
    });
  }
  return integers;
}

const READERS: Readonly<Record<TensorDType, (view: DataView, at: number) => number>> = {
  F64: (view, at) => view.getFloat64(at, true),
  // Beyond 2^53 a number is rounded, as a float would be anyway.
  I64: (view, at) => view.getInt32(at + 4, true) * 4294967296 + view.getUint32(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  I32: (view, at) => view.getInt32(at, true),
  F16: (view, at) => halfToNumber(view.getUint16(at, true)),
  BF16: (view, at) => brainToNumber(view.getUint16(at, true)),
  U8: (view, at) => view.getUint8(at),
  BOOL: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
};

/** Value of the 16 bits of an IEEE 754 half. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scratch = new DataView(new ArrayBuffer(4));

/** Value of the upper 16 bits of an f32. */
function brainToNumber(bits: number): number {
  scratch.setUint32(0, bits * 65536);
  return scratch.getFloat32(0);
}
