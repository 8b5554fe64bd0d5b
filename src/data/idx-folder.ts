import { DataError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { type DataSet, imageData } from "./data-set.ts";
import { type IdxArray, readIdx } from "./idx.ts";
import { type Splits, splitLast } from "./split-last.ts";

export type { Splits } from "./split-last.ts";

/** How the files of a folder become data. */
export interface IdxFolderOptions {
  /**
   * The last training examples validate: a share below 1, or a count. Default: the t10k files where there are any,
   * else 0.2.
   */
  readonly valid?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/**
 * Data from IDX files by their names: the usual four (train-images…, train-labels…, t10k-images…, t10k-labels…) are
 * training and validation; with one pair of an images and a labels file, or where `valid` is given, the last share
 * validates.
 * Errors  DataError if files are missing or do not belong together; OptionError if nothing is left to train or validate on
 */
export async function idxSplits(
  files: Readonly<Record<string, Uint8Array>>,
  options: IdxFolderOptions = {},
): Promise<Splits> {
  knownOptions("idxSplits", options, { valid: true, mean: true, std: true });
  const { trainImages, testImages, first, pairOf } = filesOf(files);
  if (trainImages && testImages && options.valid === undefined) {
    return {
      train: await pair(files, trainImages, pairOf(trainImages), options),
      valid: await pair(files, testImages, pairOf(testImages), options),
    };
  }
  const only = trainImages ?? first;
  return splitLast(await pair(files, only, pairOf(only), options), options.valid ?? 0.2);
}

/**
 * Examples to test on from IDX files: the t10k files where there are any, else the only pair, whole.
 * Errors  as `idxSplits`
 */
export async function idxTest(
  files: Readonly<Record<string, Uint8Array>>,
  options: Pick<IdxFolderOptions, "mean" | "std"> = {},
): Promise<DataSet> {
  knownOptions("idxTest", options, { mean: true, std: true });
  const { testImages, first, pairOf } = filesOf(files);
  const only = testImages ?? first;
  return pair(files, only, pairOf(only), options);
}

/** Which files are which, by their names. */
function filesOf(files: Readonly<Record<string, Uint8Array>>) {
  const names = Object.keys(files).filter(
    (name) => /-idx\d-|\.idx\d?/.test(name) || /images|labels/.test(name),
  );
  const pick = (what: RegExp) => names.filter((name) => what.test(name)).sort();
  const images = pick(/images/);
  const labels = pick(/labels/);
  return {
    first: images[0],
    trainImages: images.find((name) => /train/.test(name)),
    testImages: images.find((name) => /t10k|test|valid/.test(name)),
    pairOf: (name: string | undefined) =>
      labels.find((label) => label.startsWith(name?.slice(0, name.indexOf("images")) ?? "")),
  };
}

async function pair(
  files: Readonly<Record<string, Uint8Array>>,
  imagesName: string | undefined,
  labelsName: string | undefined,
  { mean, std }: IdxFolderOptions,
): Promise<DataSet> {
  if (!imagesName || !labelsName) {
    throw new DataError({
      op: "data",
      problem: "IDX files",
      expected: "an images and a labels file (…-images-idx3-ubyte and …-labels-idx1-ubyte, .gz or not)",
      got: Object.keys(files).join(", ") || "an empty folder",
      fix: "name the folder that holds both files",
    });
  }
  const images = await readIdx(files[imagesName]!, imagesName);
  const labels = await readIdx(files[labelsName]!, labelsName);
  return imageData({
    images: pixelsOf(images, imagesName),
    shape: exampleShape(images, imagesName),
    labels: labels.data,
    ...(mean && { mean }),
    ...(std && { std }),
  });
}

function pixelsOf({ data }: IdxArray, name: string): Uint8Array | Float32Array {
  if (data instanceof Uint8Array || data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  throw new DataError({
    op: "data",
    problem: "type of images",
    expected: "bytes or floats",
    got: data.constructor.name,
    at: name,
  });
}

/** [1, H, W] of grey images, [C, H, W] of rank-4 files. */
function exampleShape({ shape }: IdxArray, name: string): number[] {
  if (shape.length === 3) return [1, shape[1]!, shape[2]!];
  if (shape.length === 4) return shape.slice(1);
  throw new DataError({
    op: "data",
    problem: "rank of images",
    expected: "3 ([count, H, W]) or 4 ([count, C, H, W])",
    got: `${shape.length}`,
    at: name,
  });
}
