import type { InputSpec, OpCase, Tensor, Tensors } from "./types.ts";

/** Row-major index arithmetic, seeded fills and summing tensors shared by every reference. */

/** A tensor under construction: `add` sums a term into an element and its absolute value into the magnitude. */
export class Sum implements Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  readonly magnitude: Float64Array;

  constructor(shape: readonly number[]) {
    this.shape = [...shape];
    this.data = new Float64Array(sizeOf(shape));
    this.magnitude = new Float64Array(sizeOf(shape));
  }

  /** Adds one term. `magnitude` differs from |term| where the term is itself a sum. */
  add(offset: number, term: number, magnitude: number = Math.abs(term)): void {
    this.data[offset] = at(this.data, offset) + term;
    this.magnitude[offset] = at(this.magnitude, offset) + magnitude;
  }
}

/** Element `offset` of `data`; a RangeError outside, so that a wrong index in a reference cannot pass as NaN. */
export function at(data: ArrayLike<number>, offset: number): number {
  const value = data[offset];
  if (value === undefined) {
    throw new RangeError(`reference: element ${offset} of ${data.length} read`);
  }
  return value;
}

/** The named entry of a record of inputs, outputs or values; an error when it is not there. */
export function need<T>(record: Readonly<Record<string, T>>, name: string): T {
  const entry = record[name];
  if (entry === undefined) {
    throw new Error(`reference: "${name}" is missing, got ${Object.keys(record).join(", ")}`);
  }
  return entry;
}

/** Number of elements, the product of the extents (1 for a scalar). */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Row-major strides in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = at(strides, axis + 1) * at(shape, axis + 1);
  }
  return strides;
}

/** Σ index·stride. */
export function offsetOf(strides: readonly number[], index: readonly number[]): number {
  let offset = 0;
  for (let axis = 0; axis < strides.length; axis++) {
    offset += at(strides, axis) * at(index, axis);
  }
  return offset;
}

/** Coordinates of the element at `offset`. */
export function indexOf(shape: readonly number[], offset: number): number[] {
  const index = new Array<number>(shape.length).fill(0);
  let rest = offset;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % at(shape, axis);
    rest = Math.floor(rest / at(shape, axis));
  }
  return index;
}

/** Calls `visit` for every element in row-major order. The index array is fresh on every call. */
export function forEachIndex(
  shape: readonly number[],
  visit: (index: readonly number[], offset: number) => void,
): void {
  const size = sizeOf(shape);
  for (let offset = 0; offset < size; offset++) {
    visit(indexOf(shape, offset), offset);
  }
}

/** Shape two or more tensors broadcast to: aligned at the last axis, extents equal or 1. */
export function broadcastShapes(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let axis = 0; axis < shape.length; axis++) {
      const target = rank - shape.length + axis;
      const extent = at(shape, axis);
      if (extent !== 1 && at(result, target) !== 1 && extent !== at(result, target)) {
        throw new Error(
          `reference: shapes ${shapes.map((s) => `[${s.join(", ")}]`).join(" and ")} do not broadcast`,
        );
      }
      if (extent !== 1) {
        result[target] = extent;
      }
    }
  }
  return result;
}

/** Offset in a tensor of shape `shape` of the element that broadcasts to `index` of the larger shape. */
export function broadcastOffset(shape: readonly number[], index: readonly number[]): number {
  const strides = stridesOf(shape);
  const skip = index.length - shape.length;
  let offset = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    offset += at(shape, axis) === 1 ? 0 : at(strides, axis) * at(index, skip + axis);
  }
  return offset;
}

/** A tensor from plain numbers. */
export function tensorOf(shape: readonly number[], values: ArrayLike<number>): Tensor {
  if (values.length !== sizeOf(shape)) {
    throw new Error(
      `reference: shape [${shape.join(", ")}] holds ${sizeOf(shape)} values, got ${values.length}`,
    );
  }
  return { shape: [...shape], data: Float64Array.from(values) };
}

/** 32-bit hash of a text: multiply-and-add over its character codes, then mixed. */
export function seedOf(text: string): number {
  let hash = 17;
  for (let i = 0; i < text.length; i++) {
    hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  }
  return mix(hash);
}

/** Bijective scrambling of 32 bits: alternating xor-shifts and odd multiplications. */
function mix(bits: number): number {
  let x = bits | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Seeded stream of random numbers: the scrambled values of a counter. */
export class Random {
  private counter: number;

  constructor(seed: number) {
    this.counter = seed | 0;
  }

  /** Uniform in the open interval (0, 1). */
  uniform(): number {
    this.counter = (this.counter + 0x9e3779b9) | 0;
    return (mix(this.counter) + 0.5) / 4294967296;
  }

  /** Normal with mean 0 and deviation 1 (Box-Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Integer in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** Shuffles in place (every order equally likely). */
  shuffle(values: number[]): number[] {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = at(values, i);
      values[i] = at(values, j);
      values[j] = kept;
    }
    return values;
  }
}

const tiedValues = [-1, 0.5, 1.25];

/**
 * Different values about 4/n (at least 2e-3) apart in random order, none closer than 3e-4 to zero: neither a
 * maximum nor a sign can flip when one of them moves by a finite-difference step.
 */
function distinctValues(size: number, random: Random): number[] {
  const gap = Math.max(2e-3, 4 / size);
  const values: number[] = [];
  for (let k = 0; k < size; k++) {
    values.push((k + 0.25 - Math.floor(size / 2) + 0.2 * (random.uniform() - 0.5)) * gap);
  }
  return random.shuffle(values);
}

function rawValues(spec: InputSpec, random: Random): number[] {
  const size = sizeOf(spec.shape);
  const scale = spec.scale ?? 1;
  const shift = spec.shift ?? 0;
  const repeat = (next: () => number): number[] => Array.from({ length: size }, next);
  switch (spec.fill ?? "normal") {
    case "normal":
      return repeat(() => random.normal() * scale + shift);
    case "uniform": {
      const low = spec.low ?? 0;
      return repeat(() => low + random.uniform() * ((spec.high ?? 1) - low));
    }
    case "index":
      return repeat(() => random.integer(spec.classes ?? 1));
    case "distinct":
      return distinctValues(size, random).map((value) => value * scale + shift);
    case "ties":
      return repeat(() => at(tiedValues, random.integer(tiedValues.length)) * scale + shift);
    case "values": {
      const values = spec.values ?? [];
      if (values.length !== size) {
        throw new Error(
          `reference: "values" for shape [${spec.shape.join(", ")}] holds ${values.length} numbers`,
        );
      }
      return [...values];
    }
  }
}

/** Fills one input. The numbers are those of float32, so that engine and reference start from the same ones. */
export function fillInput(spec: InputSpec, seed: number): Tensor {
  const values = rawValues(spec, new Random(seed));
  return tensorOf(spec.shape, spec.dtype === "i32" ? values : values.map(Math.fround));
}

/** Every input of a case; the seed is the hash of operator, case name and input name. */
export function fillInputs(test: Pick<OpCase, "op" | "name" | "inputs">): Tensors {
  const filled: Tensors = {};
  for (const [name, spec] of Object.entries(test.inputs)) {
    filled[name] = fillInput(spec, seedOf(`${test.op}/${test.name}/${name}`));
  }
  return filled;
}

/** Seeded upstream gradient (normal, float32 numbers) for every output that is not a running statistic. */
export function fillUpstream(test: Pick<OpCase, "op" | "name" | "state">, outputs: Tensors): Tensors {
  const filled: Tensors = {};
  for (const [name, output] of Object.entries(outputs)) {
    if (!(test.state ?? []).includes(name)) {
      filled[name] = fillInput({ shape: output.shape }, seedOf(`${test.op}/${test.name}/upstream/${name}`));
    }
  }
  return filled;
}

/** Names of the inputs that get a gradient: float ones not marked `gradient: false`. */
export function differentiable(test: Pick<OpCase, "inputs">): string[] {
  return Object.entries(test.inputs)
    .filter(([, spec]) => spec.dtype !== "i32" && spec.gradient !== false)
    .map(([name]) => name);
}
