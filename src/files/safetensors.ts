import { DataError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { type HeaderEntry, parseHeader } from "./safetensors-header.ts";
import { type StoredTensor, TENSOR_BYTES, type TensorDType } from "./tensor.ts";

/** Content of a safetensors file. Tensors are views into its bytes: reading copies nothing. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Longest header that is read, as in the reference implementation. */
const MAX_HEADER = 100_000_000;

/**
 * Reads a safetensors file: u64 length of the header, header as JSON, tensors one after another without a gap.
 * Units   bytes, little-endian
 * Errors  DataError for a truncated file, a length or offsets that lie, gaps, overlaps, duplicate names, other dtypes
 * Source  safetensors format, github.com/huggingface/safetensors
 */
export function readSafetensors(file: Uint8Array): Safetensors {
  if (file.length < 10) fail("file", "at least 10 bytes", `${file.length}`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = view.getUint32(4, true) * 4294967296 + view.getUint32(0, true);
  const room = Math.min(file.length - 8, MAX_HEADER);
  if (length < 2 || length > room) fail("length of the header", `2 to ${room} bytes`, `${length}`);
  const { tensors, metadata } = parseHeader(decode(file.subarray(8, 8 + length)));
  const data = file.subarray(8 + length);
  checkPlaces(tensors, data.length);
  return {
    tensors: new Map([...tensors].map(([name, entry]) => [name, tensorOf(name, entry, data)])),
    metadata,
  };
}

function decode(header: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    return fail("header", "text in UTF-8", "other bytes");
  }
}

/** Tensors must follow one another and fill the file: whatever else is there could be read by nobody. */
function checkPlaces(tensors: ReadonlyMap<string, HeaderEntry>, size: number): void {
  let end = 0;
  const placed = [...tensors].sort(
    ([, a], [, b]) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1],
  );
  for (const [name, { offsets }] of placed) {
    if (offsets[0] !== end)
      fail(`data_offsets of ${name}`, `a start at ${end}, where the tensor before ends`, `${offsets[0]}`);
    if (offsets[1] < offsets[0] || offsets[1] > size) {
      fail(`data_offsets of ${name}`, `an end from ${offsets[0]} to ${size}`, `${offsets[1]}`);
    }
    end = offsets[1];
  }
  if (end !== size) fail("data", `${end} bytes after the header`, `${size}`);
}

function tensorOf(name: string, { dtype, shape, offsets }: HeaderEntry, data: Uint8Array): StoredTensor {
  if (!Object.hasOwn(TENSOR_BYTES, dtype)) {
    fail(`dtype of ${name}`, Object.keys(TENSOR_BYTES).join(", "), dtype);
  }
  const known = dtype as TensorDType;
  const bytes = data.subarray(...offsets);
  let wanted: number = TENSOR_BYTES[known];
  for (const size of shape) wanted *= size;
  if (wanted !== bytes.length) {
    fail(`bytes of ${name}`, `${wanted} for ${formatShape(shape)} of ${dtype}`, `${bytes.length}`);
  }
  return { dtype: known, shape, bytes };
}

/** Rank of a dtype in the file: wide elements first, so that every tensor is aligned. */
const ORDER: readonly TensorDType[] = ["I64", "F64", "F32", "I32", "BF16", "F16", "U8", "BOOL"];

/**
 * Writes a safetensors file, byte for byte as `safetensors.torch.save` does for the same tensors.
 * Source  safetensors format, github.com/huggingface/safetensors
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const sorted = Object.entries(tensors).sort(
    ([a, x], [b, y]) => ORDER.indexOf(x.dtype) - ORDER.indexOf(y.dtype) || (a < b ? -1 : 1),
  );
  let end = 0;
  const entries = sorted.map(([name, { dtype, shape, bytes }]) => {
    const start = end;
    end += bytes.length;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [start, end] })}`;
  });
  if (Object.keys(metadata).length) entries.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const text = new TextEncoder().encode(`{${entries.join(",")}}`);
  const length = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.fill(0x20, 8, 8 + length).set(text, 8);
  let at = 8 + length;
  for (const [, { bytes }] of sorted) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

function fail(problem: string, expected: string, got: string): never {
  throw new DataError({ op: "safetensors", problem, expected, got });
}
