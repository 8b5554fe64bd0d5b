import { DataError } from "../core/errors.ts";
import { formatShape, numel, type Shape } from "../core/shape.ts";
import type { Column, DataSet } from "../data/data-set.ts";
import type { Program } from "./program.ts";

type Numbers = Uint8Array | Float32Array | readonly number[];

/** Inputs of one or more examples, one after another; by name where the model has several inputs. */
export type PredictInput = Numbers | Readonly<Record<string, Numbers>>;

/** Outputs by name ("output" for a single one), with the batch axis first. */
export type Prediction = Readonly<Record<string, { readonly shape: Shape; readonly data: Float32Array }>>;

/** Runs a model forward on given arrays, in plans of the size asked for. */
export class Predictor {
  readonly #program: Program;
  readonly #data: DataSet;
  readonly #largest: number;

  constructor(program: Program, data: DataSet, largest: number) {
    this.#program = program;
    this.#data = data;
    this.#largest = largest;
  }

  /** Errors  DataError for inputs of another size than the model's, or unknown names */
  async run(given: PredictInput): Promise<Prediction> {
    const columns = this.#data.inputs;
    const inputs = isNumbers(given) ? { [Object.keys(columns)[0]!]: given } : given;
    const arrays = Object.fromEntries(
      Object.entries(columns).map(([name, column]) => [name, normalised(name, column, inputs[name])]),
    );
    const [name, column] = Object.entries(columns)[0]!;
    const count = arrays[name]!.length / numel(column.shape);
    const parts: Prediction[] = [];
    for (let start = 0; start < count; start += this.#largest) {
      parts.push(await this.#batch(arrays, start, Math.min(this.#largest, count - start)));
    }
    return joined(parts);
  }

  async #batch(
    arrays: Readonly<Record<string, Float32Array>>,
    start: number,
    count: number,
  ): Promise<Prediction> {
    const { engine } = this.#program;
    const key = await this.#program.predict(this.#data, count);
    for (const [name, column] of Object.entries(this.#data.inputs)) {
      const size = numel(column.shape);
      engine.upload(name, arrays[name]!.slice(start * size, (start + count) * size));
    }
    await engine.ready();
    await engine.submit([{ plan: key, row: { step: 0, seed: 0 } }]);
    const outputs = Object.entries(engine.plan(key)!.outputs);
    return Object.fromEntries(
      await Promise.all(
        outputs.map(async ([name, { physical }]) => [
          name,
          { shape: physical.shape, data: (await engine.readOutput(key, name)) as Float32Array },
        ]),
      ),
    );
  }
}

function isNumbers(given: PredictInput): given is Numbers {
  return ArrayBuffer.isView(given) || Array.isArray(given);
}

function normalised(
  name: string,
  { shape, mean = [], std = [] }: Column,
  given: Numbers | undefined,
): Float32Array {
  const size = numel(shape);
  if (!given || given.length === 0 || given.length % size !== 0) {
    throw new DataError({
      op: "predict",
      problem: `length of ${name}`,
      expected: `a multiple of ${size} (one example is ${formatShape(shape)})`,
      got: given ? `${given.length}` : "nothing",
    });
  }
  if (!(given instanceof Uint8Array)) return Float32Array.from(given);
  const channel = Math.max(1, numel(shape.slice(1)));
  return Float32Array.from(given, (byte, i) => {
    const c = Math.floor((i % size) / channel);
    return (byte / 255 - (mean[c] ?? mean[0] ?? 0)) / (std[c] ?? std[0] ?? 1);
  });
}

function joined(parts: readonly Prediction[]): Prediction {
  const [first] = parts;
  if (parts.length === 1) return first!;
  return Object.fromEntries(
    Object.entries(first!).map(([name, { shape }]) => {
      const data = Float32Array.from(parts.flatMap((part) => [...part[name]!.data]));
      return [name, { shape: [data.length / numel(shape.slice(1)), ...shape.slice(1)], data }];
    }),
  );
}
