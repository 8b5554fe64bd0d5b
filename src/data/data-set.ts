import { DataError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { numel, type Shape } from "../core/shape.ts";
import type { Generator } from "./generated.ts";

/** One array of a data set: all examples of one input or target, one after another. */
export interface Column {
  /** Bytes become data/255, floats stay, integers are class indices. Empty where a generator draws the column. */
  readonly data: Uint8Array | Float32Array | Int32Array;
  /** Shape of one example: [1, 28, 28] for an image, [] for a label. */
  readonly shape: Shape;
  /** Subtracted from, and divided into, every value: per channel (first axis), or one number for all. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/** Examples that lie on the device as a whole; batches are gathered there. */
export interface DataSet {
  readonly count: number;
  /** By name; a model with a single input calls it "x". */
  readonly inputs: Readonly<Record<string, Column>>;
  /** By name; a single target is called "y". */
  readonly targets: Readonly<Record<string, Column>>;
  /** Number of classes, where the targets are class indices and it is known. */
  readonly classes?: number;
  /** Draws some of the columns on the device. */
  readonly generator?: Generator;
}

export interface DataSetInit {
  readonly inputs: Column | Readonly<Record<string, Column>>;
  readonly targets: Column | Readonly<Record<string, Column>>;
  readonly classes?: number;
}

function columns(given: Column | Readonly<Record<string, Column>>, single: string): Record<string, Column> {
  return "data" in given && "shape" in given
    ? { [single]: given as Column }
    : { ...(given as Record<string, Column>) };
}

/** Examples in a column. */
function countOf(name: string, column: Column): number {
  const { data, shape } = column;
  knownOptions(`data: ${name}`, column, { data: true, shape: true, mean: true, std: true });
  if (!(data instanceof Uint8Array || data instanceof Float32Array || data instanceof Int32Array)) {
    throw new DataError({
      op: "data",
      problem: `array of ${name}`,
      expected: "a Uint8Array, Float32Array or Int32Array",
      got: (data as object | undefined)?.constructor.name ?? "none",
      fix: "bytes become data/255, floats stay, integers are class indices",
    });
  }
  const size = numel(shape);
  if (data.length % size !== 0) {
    throw new DataError({
      op: "data",
      problem: `length of ${name}`,
      expected: `a multiple of ${size} (one example of shape [${shape.join(", ")}])`,
      got: `${data.length}`,
    });
  }
  return data.length / size;
}

/**
 * Checks columns and makes a data set of them.
 * Errors  DataError if it is empty, columns differ in length, a number is NaN or infinite, or a class is out of range
 */
export function dataSet(init: DataSetInit): DataSet {
  knownOptions("data", init, { inputs: true, targets: true, classes: true });
  const inputs = columns(init.inputs, "x");
  const targets = columns(init.targets, "y");
  const counts = Object.entries({ ...inputs, ...targets }).map(([name, column]) => ({
    name,
    count: countOf(name, column),
  }));
  const count = counts[0]?.count ?? 0;
  if (count === 0) {
    throw new DataError({
      op: "data",
      problem: "no examples",
      expected: "at least one",
      got: "0",
      fix: "check the files or arrays",
    });
  }
  for (const other of counts) {
    if (other.count === count) continue;
    throw new DataError({
      op: "data",
      problem: `examples in ${other.name}`,
      expected: `${count}, as in ${counts[0]!.name}`,
      got: `${other.count}`,
      fix: "pass inputs and targets of the same examples",
    });
  }
  for (const [name, column] of Object.entries({ ...inputs, ...targets })) checkNumbers(name, column);
  if (init.classes !== undefined) {
    for (const [name, column] of Object.entries(targets)) checkClasses(name, column, init.classes);
  }
  return { count, inputs, targets, ...(init.classes !== undefined && { classes: init.classes }) };
}

function checkNumbers(name: string, { data, shape, mean = [], std = [] }: Column): void {
  const zero = std.findIndex((deviation) => !(deviation > 0));
  if (zero >= 0 || mean.some((m) => !Number.isFinite(m))) {
    throw new DataError({
      op: "data",
      problem: `normalisation of ${name}`,
      expected: "finite means and positive deviations",
      got: `mean [${mean.join(", ")}], std [${std.join(", ")}]`,
    });
  }
  if (!(data instanceof Float32Array)) return;
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  throw new DataError({
    op: "data",
    problem: `element ${bad % numel(shape)} of example ${Math.floor(bad / numel(shape))} of ${name}`,
    expected: "a finite number",
    got: `${data[bad]}`,
    fix: "remove or fill in the example before training",
  });
}

/**
 * Refuses class indices outside 0 … classes − 1, `ignored` excepted.
 * Errors  DataError naming the first example that is off
 */
export function checkClasses(name: string, { data }: Column, classes: number, ignored?: number): void {
  if (!(data instanceof Int32Array)) return;
  const bad = data.findIndex((label) => (label < 0 || label >= classes) && label !== ignored);
  if (bad < 0) return;
  throw new DataError({
    op: "data",
    problem: `label of example ${bad} in ${name}`,
    expected: `a class from 0 to ${classes - 1} (the model has ${classes} outputs)`,
    got: `${data[bad]}`,
    fix: "give the last layer one output per class, or correct the labels (they count from 0)",
  });
}

/** Options of `imageData`. */
export interface ImageDataInit {
  /** Bytes, example after example, channel after channel. */
  readonly images: Uint8Array | Float32Array;
  /** [C, H, W] */
  readonly shape: Shape;
  readonly labels: ArrayLike<number>;
  readonly classes?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/** Labels as integers. Errors  DataError for one that is not: it would be cut off in silence */
function wholeLabels(labels: ArrayLike<number>): Int32Array {
  const whole = Int32Array.from(labels);
  const bad = whole.findIndex((label, i) => label !== labels[i]);
  if (bad < 0) return whole;
  throw new DataError({
    op: "imageData",
    problem: `label of example ${bad}`,
    expected: "an integer",
    got: `${labels[bad]}`,
  });
}

/** A data set of labelled images. Errors  as `dataSet`, and DataError for a label that is no integer */
export function imageData(init: ImageDataInit): DataSet {
  knownOptions("imageData", init, {
    images: true,
    shape: true,
    labels: true,
    classes: true,
    mean: true,
    std: true,
  });
  const { images, shape, labels, classes, mean, std } = init;
  return dataSet({
    inputs: { data: images, shape, ...(mean && { mean }), ...(std && { std }) },
    targets: { data: wholeLabels(labels), shape: [] },
    ...(classes !== undefined && { classes }),
  });
}

/**
 * Examples `from` … `to` − 1 of a data set, without copying.
 * Errors  DataError for a range that holds none, or data that a generator draws
 */
export function slice(data: DataSet, from: number, to: number = data.count): DataSet {
  if (!(from >= 0 && to <= data.count && from < to)) {
    throw new DataError({
      op: "data.slice",
      problem: "range of examples",
      expected: `0 <= from < to <= ${data.count}`,
      got: `${from} to ${to}`,
    });
  }
  if (data.generator) {
    throw new DataError({
      op: "data.slice",
      problem: "generated data",
      expected: "stored examples",
      got: "a generator",
      fix: "generate fewer examples instead",
    });
  }
  const cut = (all: Readonly<Record<string, Column>>) =>
    Object.fromEntries(
      Object.entries(all).map(([name, column]) => {
        const size = numel(column.shape);
        return [name, { ...column, data: column.data.subarray(from * size, to * size) }];
      }),
    );
  return { ...data, count: to - from, inputs: cut(data.inputs), targets: cut(data.targets) };
}
