import { DataError } from "../core/errors.ts";
import { numel, type Shape } from "../core/shape.ts";
import { type StoredTensor, toFloats } from "../files/tensor.ts";
import type { Value } from "../graph/value.ts";

/**
 * An array whose numbers are known while the graph is built: shapes and what is computed from them, and constants.
 * Integers up to 2^53 are exact.
 */
export interface HostTensor {
  readonly shape: Shape;
  readonly data: Float64Array;
  /** False for floats, which may become part of the graph. */
  readonly integer: boolean;
}

/** What a name of an ONNX graph stands for while the module is traced. */
export type Operand = Value | HostTensor;

export function isHost(operand: Operand): operand is HostTensor {
  return "data" in operand;
}

/** Most numbers that are computed on the host: shapes need few, and a file must not make work without end. */
const MAX_HOST = 1 << 22;

export function hostTensor(shape: Shape, data: ArrayLike<number>, integer: boolean): HostTensor {
  return { shape, data: Float64Array.from(data), integer };
}

/** Room for a result on the host. Errors  DataError for one too large to be meant */
export function hostRoom(shape: Shape, op: string): Float64Array {
  const size = numel(shape);
  if (size <= MAX_HOST) return new Float64Array(size);
  throw new DataError({
    op,
    problem: "size of a constant result",
    expected: `at most ${MAX_HOST}`,
    got: `${size}`,
  });
}

export function hostOf(tensor: StoredTensor): HostTensor {
  const integer = ["I64", "I32", "U8", "BOOL"].includes(tensor.dtype);
  return { shape: tensor.shape, data: integer ? integersOf(tensor) : doublesOf(tensor), integer };
}

function integersOf({ dtype, bytes, shape }: StoredTensor): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = (i: number): number => {
    if (dtype === "I64") return Number(view.getBigInt64(8 * i, true));
    return dtype === "I32" ? view.getInt32(4 * i, true) : view.getUint8(i);
  };
  return Float64Array.from({ length: numel(shape) }, (_, i) => read(i));
}

function doublesOf(tensor: StoredTensor): Float64Array {
  if (tensor.dtype !== "F64") return Float64Array.from(toFloats(tensor));
  const view = new DataView(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength);
  return Float64Array.from({ length: numel(tensor.shape) }, (_, i) => view.getFloat64(8 * i, true));
}
