/** Element types of values. All are four bytes wide. */
export type DType = "f32" | "i32" | "u32";

/** Bytes per element of every dtype. */
export const BYTES_PER_ELEMENT = 4;

/** Host array that holds elements of a dtype. */
export type HostArray = Float32Array | Int32Array | Uint32Array;

/** Allocates a zeroed host array of a dtype. */
export function hostArray(dtype: DType, length: number): HostArray {
  if (dtype === "f32") return new Float32Array(length);
  return dtype === "i32" ? new Int32Array(length) : new Uint32Array(length);
}
