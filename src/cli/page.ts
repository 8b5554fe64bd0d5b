/** What the pages of several commands do alike. */
import { DataError, EngineError } from "../core/errors.ts";
import type { DataSet } from "../data/data-set.ts";
import { drawnDigits } from "../data/drawn-digits.ts";
import { idxSplits, idxTest } from "../data/idx-folder.ts";
import { DIGIT_MOMENTS } from "../data/moments.ts";
import type { Splits } from "../data/split-last.ts";
import { describeAdapter } from "../gpu/request-device.ts";
import { type Answer, DATA_URL, type PrepareRequest, TEST_URL } from "./train-result.ts";

/** The adapter's name without advice, for the file. */
export function adapterName(device: GPUDevice): string {
  const { vendor, architecture, description } = describeAdapter(device);
  return (
    [vendor, architecture, description && `(${description})`].filter(Boolean).join(" ") || "unnamed adapter"
  );
}

/** The value of `body`, or the error of the engine that it ended with. */
export async function answer<T>(body: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await body() };
  } catch (error) {
    // Anything but the engine's own errors is a fault of the program: its stack is wanted.
    if (!(error instanceof EngineError)) throw error;
    return { error: { name: error.name, message: error.message } };
  }
}

/** Built-in validation images, where the request names no number. */
const DRAWN_VALID = 1000;

/**
 * The data of a request: files of the folder that is served, the same for every seed, or built-in digits drawn from
 * the seed.
 */
export async function loadData({
  files,
  examples,
  valid,
}: Pick<PrepareRequest, "files" | "valid" | "examples">): Promise<(seed: number) => Splits> {
  if (files === null) return (seed) => drawnDigits({ count: examples, valid: valid ?? DRAWN_VALID, seed });
  const bytes = await fetchFiles(DATA_URL, files);
  const splits = await idxSplits(bytes, { ...(valid !== null && { valid }), ...DIGIT_MOMENTS });
  return () => splits;
}

/** What to test on: files of the folder that is served for it. */
export async function loadTest(files: readonly string[]): Promise<DataSet> {
  return idxTest(await fetchFiles(TEST_URL, files), DIGIT_MOMENTS);
}

async function fetchFiles(folder: string, files: readonly string[]): Promise<Record<string, Uint8Array>> {
  const bytes: Record<string, Uint8Array> = {};
  for (const name of files) bytes[name] = await fetchFile(folder, name);
  return bytes;
}

async function fetchFile(folder: string, name: string): Promise<Uint8Array> {
  const response = await fetch(`${folder}/${encodeURIComponent(name)}`);
  if (!response.ok) {
    throw new DataError({
      op: "data",
      problem: `${name} cannot be read`,
      expected: "a file",
      got: `status ${response.status}`,
    });
  }
  return new Uint8Array(await response.arrayBuffer());
}
