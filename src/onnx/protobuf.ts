import { DataError } from "../core/errors.ts";

/**
 * Protocol buffers, as much as ONNX needs.
 * Source  protobuf.dev, "Encoding": a field is a varint (number << 3 | wire type), then its value
 */

/** Wire types. 3 and 4 (groups) are long out of use. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** One field as it lies in the file. */
export interface Field {
  readonly number: number;
  /** Of a varint: its value, two's complement of 64 bits. */
  readonly integer: bigint;
  /** Of anything else: its bytes, a view. */
  readonly bytes: Uint8Array;
  readonly wire: number;
}

/**
 * The fields of a message in their order.
 * Errors  DataError for a field that is cut off, a wire type out of use, a varint of more than ten bytes
 */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  const cursor = { at: 0 };
  while (cursor.at < message.length) {
    const key = readVarint(message, cursor);
    const number = Number(key >> 3n);
    const wire = Number(key & 7n);
    if (number < 1 || number > 0x1fffffff) malformed("field number", "1 to 2^29 − 1", `${number}`);
    if (wire === VARINT) {
      yield { number, wire, integer: BigInt.asIntN(64, readVarint(message, cursor)), bytes: NOTHING };
      continue;
    }
    const size = sizeOf(wire, message, cursor);
    const left = message.length - cursor.at;
    if (size > left) malformed(`size of field ${number}`, `at most the ${left} bytes left`, `${size}`);
    yield { number, wire, integer: 0n, bytes: message.subarray(cursor.at, cursor.at + size) };
    cursor.at += size;
  }
}

const NOTHING = new Uint8Array(0);

function sizeOf(wire: number, message: Uint8Array, cursor: { at: number }): number {
  if (wire === BYTES) return Number(readVarint(message, cursor));
  if (wire === FIXED64) return 8;
  return wire === FIXED32 ? 4 : malformed("wire type", "0, 1, 2 or 5", `${wire}`);
}

function readVarint(bytes: Uint8Array, cursor: { at: number }): bigint {
  let low = 0;
  for (let i = 0; i < 4; i++) {
    const byte = next(bytes, cursor);
    low |= (byte & 127) << (7 * i);
    if (byte < 128) return BigInt(low);
  }
  let value = BigInt(low);
  for (let i = 4; i < 10; i++) {
    const byte = next(bytes, cursor);
    value |= BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) return BigInt.asUintN(64, value);
  }
  return malformed("varint", "at most 10 bytes", "more");
}

function next(bytes: Uint8Array, cursor: { at: number }): number {
  const byte = bytes[cursor.at++];
  return byte ?? malformed("varint", "a byte", "the end of the message");
}

/** Integers of a repeated field: packed into one value, or one at a time. */
export function* integersOf(field: Field): Generator<bigint> {
  if (field.wire === VARINT) yield field.integer;
  else if (field.wire === BYTES) {
    const cursor = { at: 0 };
    while (cursor.at < field.bytes.length) yield BigInt.asIntN(64, readVarint(field.bytes, cursor));
  } else malformed(`wire type of field ${field.number}`, "integers", `${field.wire}`);
}

/** Integer of a field, rounded to a number of JavaScript's. Errors  DataError for another wire type */
export function integerOf(field: Field): number {
  if (field.wire !== VARINT) malformed(`wire type of field ${field.number}`, "a varint", `${field.wire}`);
  return Number(field.integer);
}

/** Bytes of a field that holds text, a message or bytes. Errors  DataError for another wire type */
export function bytesOf(field: Field): Uint8Array {
  if (field.wire === BYTES) return field.bytes;
  return malformed(`wire type of field ${field.number}`, "bytes", `${field.wire}`);
}

/** Text of a field. Errors  DataError for another wire type or bytes that are no UTF-8 */
export function textOf(field: Field): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesOf(field));
  } catch (error) {
    if (error instanceof DataError) throw error;
    return malformed(`text of field ${field.number}`, "UTF-8", "other bytes");
  }
}

/** The f32 numbers of a field: packed or one. Errors  DataError for another wire type or size */
export function floatBytesOf(field: Field): Uint8Array {
  const fits = field.wire === FIXED32 || (field.wire === BYTES && field.bytes.length % 4 === 0);
  return fits
    ? field.bytes
    : malformed(`floats of field ${field.number}`, "4 bytes each", `${field.bytes.length} bytes`);
}

/** The f64 numbers of a field: packed or one. Errors  DataError for another wire type or size */
export function doubleBytesOf(field: Field): Uint8Array {
  const fits = field.wire === FIXED64 || (field.wire === BYTES && field.bytes.length % 8 === 0);
  return fits
    ? field.bytes
    : malformed(`doubles of field ${field.number}`, "8 bytes each", `${field.bytes.length} bytes`);
}

function malformed(problem: string, expected: string, got: string): never {
  throw new DataError({ op: "onnx", problem, expected, got, fix: "the file is damaged or no ONNX model" });
}
