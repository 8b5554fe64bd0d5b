import { DataError } from "../core/errors.ts";
import { numel } from "../core/shape.ts";

/** Arrays of the IDX format by its type byte. */
const TYPES: Readonly<Record<number, { readonly name: string; readonly bytes: number }>> = {
  8: { name: "u8", bytes: 1 },
  9: { name: "i8", bytes: 1 },
  11: { name: "i16", bytes: 2 },
  12: { name: "i32", bytes: 4 },
  13: { name: "f32", bytes: 4 },
  14: { name: "f64", bytes: 8 },
};

/** An array read from an IDX file. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
}

function refuse(name: string, problem: string, expected: string, got: string): DataError {
  return new DataError({
    op: "idx",
    problem,
    expected,
    got,
    at: name,
    fix: "check that the file is whole and in IDX format",
  });
}

/**
 * Reads an IDX file (big-endian: two zero bytes, type, rank, sizes, elements), plain or gzip.
 * Errors  DataError for a wrong magic, a size that the file does not hold, or trailing bytes
 * Source  the format of the MNIST files (Y. LeCun, C. Cortes, C. Burges)
 */
export async function readIdx(bytes: Uint8Array, name = "file"): Promise<IdxArray> {
  const gzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return parseIdx(gzip ? await gunzip(bytes, name) : bytes, name);
}

/** Reads the bytes of an unpacked IDX file. */
export function parseIdx(bytes: Uint8Array, name = "file"): IdxArray {
  const [zero0, zero1, code = 0, rank = 0] = bytes;
  const type = TYPES[code];
  if (bytes.length < 4 || zero0 !== 0 || zero1 !== 0 || !type || rank < 1 || rank > 8) {
    const magic = [...bytes.subarray(0, 4)].map((b) => b.toString(16).padStart(2, "0")).join(" ");
    throw refuse(
      name,
      "magic number",
      "00 00, a type (08, 09, 0b, 0c, 0d, 0e), a rank from 1 to 8",
      magic || "nothing",
    );
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start)
    throw refuse(name, "header", `${start} bytes for rank ${rank}`, `${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const needed = start + numel(shape) * type.bytes;
  // The header's claim is checked before anything of its size is allocated.
  if (bytes.length !== needed) {
    throw refuse(name, "length", `${needed} bytes for ${type.name} [${shape.join(", ")}]`, `${bytes.length}`);
  }
  return { shape, data: elements(view, start, numel(shape), code) };
}

function elements(view: DataView, start: number, count: number, code: number): IdxArray["data"] {
  switch (code) {
    case 8:
      return new Uint8Array(view.buffer, view.byteOffset + start, count);
    case 9:
      return new Int8Array(view.buffer, view.byteOffset + start, count);
    case 11:
      return Int16Array.from({ length: count }, (_, i) => view.getInt16(start + 2 * i));
    case 12:
      return Int32Array.from({ length: count }, (_, i) => view.getInt32(start + 4 * i));
    case 13:
      return Float32Array.from({ length: count }, (_, i) => view.getFloat32(start + 4 * i));
    default:
      return Float64Array.from({ length: count }, (_, i) => view.getFloat64(start + 8 * i));
  }
}

/** Unpacks gzip with the platform's own decompressor. Errors  DataError for a damaged stream */
export async function gunzip(bytes: Uint8Array, name = "file"): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw refuse(name, "gzip stream", "a whole stream", String((error as Error).message ?? error));
  }
}
