import { DataError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { type StoredTensor, TENSOR_BYTES, type TensorDType } from "../files/tensor.ts";
import { ELEMENT_TYPES } from "./model.ts";
import {
  bytesOf,
  doubleBytesOf,
  type Field,
  fieldsOf,
  floatBytesOf,
  integerOf,
  integersOf,
  textOf,
} from "./protobuf.ts";

const DTYPES = new Map(
  Object.entries(ELEMENT_TYPES).map(([name, id]) => [id as number, name as TensorDType]),
);

/** Integers outside raw_data take up to eight times their place in the file; more of them than this is not usual. */
const MAX_TYPED_INTEGERS = 65_536;

/** Reads a TensorProto. Errors  DataError for sizes that do not fit, other element types, weights in another file */
export function readTensor(message: Uint8Array): { readonly name: string; readonly tensor: StoredTensor } {
  let name = "";
  let element = 0;
  let raw: Uint8Array | undefined;
  const shape: number[] = [];
  const typed: Field[] = [];
  for (const field of fieldsOf(message)) {
    if (field.number === 1) for (const size of integersOf(field)) shape.push(Number(size));
    else if (field.number === 2) element = integerOf(field);
    else if (field.number === 8) name = textOf(field);
    else if (field.number === 9) raw = bytesOf(field);
    else if ([4, 5, 7, 10].includes(field.number)) typed.push(field);
    else if (field.number === 14 && integerOf(field) === 1) external(name);
  }
  const dtype = DTYPES.get(element);
  if (!dtype)
    return fail(`element type of ${name}`, Object.keys(ELEMENT_TYPES).join(", "), `number ${element}`);
  const bytes = raw ?? typedBytes(name, dtype, typed);
  checkSize(name, dtype, shape, bytes.length);
  return { name, tensor: { dtype, shape, bytes } };
}

function external(name: string): never {
  throw new DataError({
    op: "onnx",
    problem: `weights of ${name}`,
    expected: "inside the file",
    got: "a file beside it",
    fix: "export with external_data=False",
  });
}

function checkSize(name: string, dtype: TensorDType, shape: readonly number[], bytes: number): void {
  if (shape.length > 32) fail(`rank of ${name}`, "at most 32", `${shape.length}`);
  let size: number = TENSOR_BYTES[dtype];
  for (const length of shape) {
    if (!(Number.isSafeInteger(length) && length >= 0))
      fail(`sizes of ${name}`, "whole numbers", formatShape(shape));
    size *= length;
  }
  if (size !== bytes) fail(`bytes of ${name}`, `${size} for ${formatShape(shape)} of ${dtype}`, `${bytes}`);
}

/** Field that holds the elements of a type where they are not raw. */
const TYPED_FIELD: Readonly<Record<TensorDType, number>> = {
  ...{ F32: 4, F64: 10, I64: 7 },
  ...{ I32: 5, U8: 5, BOOL: 5, F16: 5, BF16: 5 },
};

function typedBytes(name: string, dtype: TensorDType, fields: readonly Field[]): Uint8Array {
  const wrong = fields.find(({ number }) => number !== TYPED_FIELD[dtype]);
  if (wrong) fail(`data of ${name}`, `the field of ${dtype}`, `field ${wrong.number}`);
  if (dtype === "F32") return joined(fields.map(floatBytesOf));
  if (dtype === "F64") return joined(fields.map(doubleBytesOf));
  return integerBytes(name, dtype, fields);
}

function integerBytes(name: string, dtype: TensorDType, fields: readonly Field[]): Uint8Array {
  const values: bigint[] = [];
  for (const field of fields) {
    for (const value of integersOf(field)) {
      values.push(value);
      if (values.length <= MAX_TYPED_INTEGERS) continue;
      fail(`integers of ${name}`, `at most ${MAX_TYPED_INTEGERS} outside raw_data`, "more");
    }
  }
  const size = TENSOR_BYTES[dtype];
  const view = new DataView(new ArrayBuffer(values.length * size));
  values.forEach((value, i) => {
    if (size === 8) view.setBigInt64(8 * i, value, true);
    else if (size === 4) view.setInt32(4 * i, Number(BigInt.asIntN(32, value)), true);
    else if (size === 2) view.setUint16(2 * i, Number(BigInt.asUintN(16, value)), true);
    else view.setUint8(i, Number(BigInt.asUintN(8, value)));
  });
  return new Uint8Array(view.buffer);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function fail(problem: string, expected: string, got: string): never {
  throw new DataError({ op: "onnx", problem, expected, got });
}
