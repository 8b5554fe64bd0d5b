import { DataError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { type DataSet, imageData } from "./data-set.ts";

export interface CifarOptions {
  /** CIFAR-10: a byte of label before each image; CIFAR-100: a coarse and a fine one. Default "cifar10". */
  readonly kind?: "cifar10" | "cifar100";
  /** Of CIFAR-100: 20 coarse or 100 fine classes. Default "fine". */
  readonly labels?: "coarse" | "fine";
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

const SHAPE = [3, 32, 32] as const;
const PIXELS = 3 * 32 * 32;

/**
 * Images of CIFAR's binary files, several of which may be given: label bytes, then 1024 bytes each of red, green, blue.
 * Shapes  images [count, 3, 32, 32]
 * Errors  DataError for a file that is no whole number of records, or a label out of range
 * Source  the binary version of CIFAR-10 and CIFAR-100 (A. Krizhevsky)
 */
export function cifarData(files: readonly Uint8Array[], options: CifarOptions = {}): DataSet {
  knownOptions("cifarData", options, { kind: true, labels: true, mean: true, std: true });
  const { kind = "cifar10", labels: which = "fine", mean, std } = options;
  const before = kind === "cifar10" ? 1 : 2;
  const classes = kind === "cifar10" ? 10 : which === "fine" ? 100 : 20;
  const record = before + PIXELS;
  for (const [i, { length }] of files.entries()) {
    if (length > 0 && length % record === 0) continue;
    throw new DataError({
      op: "cifarData",
      problem: `bytes of file ${i}`,
      expected: `a multiple of ${record}: ${before} of labels and ${PIXELS} of pixels`,
      got: `${length}`,
      fix: "unpack the archive and pass its .bin files whole; name the kind that they are of",
    });
  }
  const count = files.reduce((sum, { length }) => sum + length / record, 0);
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  let n = 0;
  for (const file of files) {
    for (let start = 0; start < file.length; start += record, n++) {
      labels[n] = file[start + (kind === "cifar100" && which === "fine" ? 1 : 0)]!;
      images.set(file.subarray(start + before, start + record), n * PIXELS);
    }
  }
  return imageData({ images, shape: SHAPE, labels, classes, ...(mean && { mean }), ...(std && { std }) });
}
