/** What the pages of several commands do alike. */
import { DataError, EngineError } from "../core/errors.ts";
import { drawnDigits } from "../data/drawn-digits.ts";
import { idxSplits } from "../data/idx-folder.ts";
import { DIGIT_MOMENTS } from "../data/moments.ts";
import type { Splits } from "../data/split-last.ts";
import { describeAdapter } from "../gpu/request-device.ts";
import { type Answer, DATA_URL, type PrepareRequest } from "./train-result.ts";

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

/** The data set of a request: files of the folder that is served, or the built-in digits. */
export async function loadData({ files, valid }: Pick<PrepareRequest, "files" | "valid">): Promise<Splits> {
  const wanted = valid === null ? {} : { valid };
  if (files === null) return drawnDigits(wanted);
  const bytes: Record<string, Uint8Array> = {};
  for (const name of files) bytes[name] = await fetchFile(name);
  return idxSplits(bytes, { ...wanted, ...DIGIT_MOMENTS });
}

async function fetchFile(name: string): Promise<Uint8Array> {
  const response = await fetch(`${DATA_URL}/${encodeURIComponent(name)}`);
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
