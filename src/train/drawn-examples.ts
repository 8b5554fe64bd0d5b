import { DataError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { numel } from "../core/shape.ts";
import type { DataSet } from "../data/data-set.ts";
import { evaluate } from "../evaluate.ts";

export interface DrawnExamplesOptions {
  /** Examples from the first on. Default all. */
  readonly count?: number;
  /** Default 0. */
  readonly epoch?: number;
}

/**
 * Examples of a generated data set, drawn as training would draw them and read back: bytes as they are, other types as
 * words of four bytes.
 * Shapes  by column [count, ...shape], example after example
 * Errors  DataError for a data set that has no generator, or more examples than it has
 */
export async function drawnExamples(
  device: GPUDevice,
  data: DataSet,
  options: DrawnExamplesOptions = {},
): Promise<Record<string, Uint8Array>> {
  knownOptions("drawnExamples", options, { count: true, epoch: true });
  const { count = data.count, epoch = 0 } = options;
  const { generator } = data;
  if (!generator || !(Number.isInteger(count) && count >= 1 && count <= data.count)) {
    throw new DataError({
      op: "drawnExamples",
      problem: generator ? "count" : "data set",
      expected: generator ? `a whole number from 1 to ${data.count}` : "one with a generator",
      got: generator ? `${count}` : "stored examples",
    });
  }
  const all = { ...data.inputs, ...data.targets };
  const sizes = new Map(
    generator.columns.map((name) => {
      const { data: array, shape } = all[name]!;
      return [name, count * numel(shape) * array.BYTES_PER_ELEMENT];
    }),
  );
  const inputs = Object.fromEntries(
    [...sizes].map(([name, bytes]) => {
      const words = Math.ceil(bytes / 4);
      return [name, { data: new Uint32Array(words), shape: [words], dtype: "u32" as const }];
    }),
  );
  const draw = (values: Parameters<typeof generator.draw>[0]) => {
    generator.draw(values, count);
    return {};
  };
  const row = { step: generator.fresh ? epoch : 0, seed: generator.seed, batchSize: count };
  const { state } = await evaluate(device, draw, inputs, { row });
  return Object.fromEntries(
    [...sizes].map(([name, bytes]) => [
      name,
      new Uint8Array((state[name]!.data as Uint32Array<ArrayBuffer>).buffer, 0, bytes),
    ]),
  );
}
