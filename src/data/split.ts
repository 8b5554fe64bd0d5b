import { DataError, OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { hashString, permutation, streamKey } from "../core/random.ts";
import { numel } from "../core/shape.ts";
import type { Column, DataSet } from "./data-set.ts";
import type { Splits } from "./split-last.ts";

export interface SplitOptions {
  /** Share of the examples that validates, between 0 and 1. Default 0.2. */
  readonly valid?: number;
  /** Default 0. Same seed, same split. */
  readonly seed?: number;
  /** Takes that share of every class. Default false. */
  readonly stratify?: boolean;
  /** Target that holds the classes. Default "y". */
  readonly target?: string;
}

/**
 * Training and validation examples at random; stored order is kept in both.
 * Errors  OptionError for a share that leaves one side empty; DataError for generated data, or stratifying without classes
 */
export function splitRandom(data: DataSet, options: SplitOptions = {}): Splits {
  knownOptions("splitRandom", options, { valid: true, seed: true, stratify: true, target: true });
  const { valid: share = 0.2, seed = 0, stratify = false, target = "y" } = options;
  const groups = stratify
    ? [...byClass(classColumn(data, target, "splitRandom")).values()]
    : [Int32Array.from({ length: data.count }, (_, i) => i)];
  const isValid = new Uint8Array(data.count);
  groups.forEach((examples, g) => {
    const order = permutation(examples.length, streamKey(seed, hashString("split"), g));
    for (let i = 0; i < Math.round(share * examples.length); i++) isValid[examples[order[i]!]!] = 1;
  });
  const chosen = (wanted: number) =>
    Array.from(isValid.keys()).filter((example) => isValid[example] === wanted);
  const [train, valid] = [chosen(0), chosen(1)];
  if (!(share > 0 && share < 1) || train.length === 0 || valid.length === 0) {
    throw new OptionError({
      op: "splitRandom",
      problem: "valid",
      expected: `a share between 0 and 1 that leaves examples on both sides of ${data.count}`,
      got: `${share}`,
    });
  }
  return { train: take(data, train), valid: take(data, valid) };
}

/**
 * Copies chosen examples into a data set of their own.
 * Errors  DataError for generated data, no examples, or one that does not exist
 */
export function take(data: DataSet, examples: readonly number[]): DataSet {
  const bad = examples.find((n) => !(Number.isInteger(n) && n >= 0 && n < data.count));
  if (data.generator || examples.length === 0 || bad !== undefined) {
    throw new DataError({
      op: "take",
      problem: data.generator ? "data" : "examples",
      expected: data.generator ? "stored examples" : `numbers from 0 to ${data.count - 1}`,
      got: data.generator ? "a generator" : `${bad ?? "none"}`,
    });
  }
  const taken = (columns: Readonly<Record<string, Column>>) =>
    Object.fromEntries(
      Object.entries(columns).map(([name, column]) => {
        const size = numel(column.shape);
        const copy = new (column.data.constructor as new (length: number) => Column["data"])(
          examples.length * size,
        );
        examples.forEach((n, i) => {
          copy.set(column.data.subarray(n * size, (n + 1) * size), i * size);
        });
        return [name, { ...column, data: copy }];
      }),
    );
  return { ...data, count: examples.length, inputs: taken(data.inputs), targets: taken(data.targets) };
}

/**
 * Weights that let every class count alike in a loss.   w[c] = count / (classes · count of c); 0 for a class without
 * examples
 * Errors  DataError without a target of classes
 * Source  scikit-learn compute_class_weight("balanced")
 */
export function classWeights(data: DataSet, target = "y"): Float32Array {
  const labels = classColumn(data, target, "classWeights");
  const groups = byClass(labels);
  const classes = data.classes ?? Math.max(...groups.keys()) + 1;
  return Float32Array.from({ length: classes }, (_, c) => {
    const own = groups.get(c)?.length ?? 0;
    return own === 0 ? 0 : data.count / (classes * own);
  });
}

function classColumn({ targets }: DataSet, name: string, op: string): Int32Array {
  const column = targets[name];
  if (column?.data instanceof Int32Array && column.shape.length === 0) return column.data;
  throw new DataError({
    op,
    problem: `target ${name}`,
    expected: "a class for each example (integers, shape [])",
    got: column
      ? `${column.data.constructor.name} of shape [${column.shape.join(", ")}]`
      : "none of this name",
  });
}

/** Examples of every class, in the order of the classes. */
function byClass(labels: Int32Array): Map<number, Int32Array> {
  const lists = new Map<number, number[]>();
  labels.forEach((label, n) => {
    const list = lists.get(label);
    if (list) list.push(n);
    else lists.set(label, [n]);
  });
  const sorted = [...lists].sort(([a], [b]) => a - b);
  return new Map(sorted.map(([label, list]) => [label, Int32Array.from(list)]));
}
