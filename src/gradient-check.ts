import { DataError, OptionError } from "./core/errors.ts";
import { knownOptions } from "./core/known-options.ts";
import { hashString, randomNormal, randomUnit, streamKey } from "./core/random.ts";
import { numel, rowMajorStrides, type Shape } from "./core/shape.ts";
import { type ArrayInput, type Evaluation, evaluate } from "./evaluate.ts";
import type { Mode } from "./graph/trace.ts";
import type { Value } from "./graph/value.ts";

export interface GradientCheckOptions {
  /** Inputs whose gradients are checked; default every f32 input. */
  readonly inputs?: readonly string[];
  /** Elements checked of each input, drawn at random where it has more. Default 24. */
  readonly samples?: number;
  /**
   * Largest difference, in units of the larger of the element and the root mean square of the input's checked elements.
   * Default 2e-3, which f32 keeps to with numbers of ordinary size.
   */
  readonly tolerance?: number;
  /** Default "eval". */
  readonly mode?: Mode;
  /** Of the upstream gradient, the choice of elements, and random ops. Default 0. */
  readonly seed?: number;
}

/** One element of one gradient. */
export interface GradientElement {
  readonly index: readonly number[];
  /** By central differences of the forward run. */
  readonly expected: number;
  /** By the op's own gradient. */
  readonly got: number;
  /** Largest |got − expected| that passes here. */
  readonly allowed: number;
}

/** Result for one input. */
export interface InputCheck {
  readonly passed: boolean;
  /** Elements compared. */
  readonly checked: number;
  /** Elements left out because the function is not smooth there (a kink closer than the smallest step). */
  readonly skipped: number;
  /** The element that is off most, in units of what is allowed; undefined where none could be checked. */
  readonly worst: GradientElement | undefined;
}

export interface GradientCheckResult {
  readonly passed: boolean;
  readonly inputs: Readonly<Record<string, InputCheck>>;
  /** One line an input, for a test's message. */
  readonly text: string;
}

type Fn = (values: Record<string, Value>) => Value | Record<string, Value>;
type Inputs = Readonly<Record<string, ArrayInput>>;
type Arrays = Readonly<Record<string, Float32Array>>;

/** Step sizes, in units of the size of the input's elements: each half of the one before. */
const STEPS = [1 / 16, 1 / 32, 1 / 64, 1 / 128];
/** Relative rounding of one f32 operation, with room for functions of several. */
const ROUNDING = 2 ** -22;
/** A difference quotient this uncertain, in units of the gradient's size, says that there is a kink. */
const KINK = 0.05;

/**
 * Compares the gradients of an op or small graph with central differences of its forward run on the device, for a
 * random upstream gradient. Differences of several steps are extrapolated to step 0; how far they agree says how exact
 * they are. All memory holds NaN before each run, so that a kernel that reads what it did not write shows up here.
 * Errors  DataError if no input is f32; OptionError for an unknown input; whatever `fn` throws
 * Source  Ridders 1982, "Accurate computation of F'(x) and F'(x)F''(x)"
 */
export async function gradientCheck(
  device: GPUDevice,
  fn: Fn,
  inputs: Inputs,
  options: GradientCheckOptions = {},
): Promise<GradientCheckResult> {
  knownOptions("gradientCheck", options, {
    inputs: true,
    samples: true,
    tolerance: true,
    mode: true,
    seed: true,
  });
  const names = checkedNames(inputs, options.inputs);
  const { mode = "eval", seed = 0 } = options;
  const run = (changed: Inputs, upstream?: Inputs) =>
    evaluate(device, fn, changed, { mode, seed, poison: true, ...(upstream && { upstream }) });
  const base = await run(inputs);
  const upstream = randomUpstream(base, seed);
  const { gradients } = await run(inputs, upstream);
  const weights = Object.fromEntries(
    Object.entries(upstream).map(([name, { data }]) => [name, data as Float32Array]),
  );
  const checks: Record<string, InputCheck> = {};
  for (const name of names) {
    const input = inputs[name]!;
    const numeric = new Map<number, Estimate>();
    const size = sizeOf(input.data);
    const key = streamKey(seed, hashString(name));
    for (const offset of drawOffsets(numel(input.shape), options.samples ?? 24, key)) {
      const at = async (value: number) => {
        const data = Float32Array.from(input.data);
        data[offset] = value;
        return { x: data[offset]!, outputs: (await run({ ...inputs, [name]: { ...input, data } })).outputs };
      };
      const here = { x: Math.fround(input.data[offset]!), outputs: base.outputs };
      numeric.set(offset, await derivative(at, here, size, weights));
    }
    const given = gradients[name]?.data;
    checks[name] = compare(input.shape, numeric, (offset) => given?.[offset] ?? 0, options.tolerance ?? 2e-3);
  }
  return {
    passed: Object.values(checks).every(({ passed }) => passed),
    inputs: checks,
    text: Object.entries(checks)
      .map(([name, check]) => describe(name, check, gradients[name] !== undefined))
      .join("\n"),
  };
}

function checkedNames(inputs: Inputs, wanted: readonly string[] | undefined): readonly string[] {
  const floats = Object.keys(inputs).filter((name) => (inputs[name]!.dtype ?? "f32") === "f32");
  const unknown = wanted?.find((name) => !floats.includes(name));
  if (unknown !== undefined) {
    throw new OptionError({
      op: "gradientCheck",
      problem: "input to check",
      expected: floats.join(", ") || "the name of an f32 input",
      got: unknown,
    });
  }
  if (floats.length > 0) return wanted ?? floats;
  throw new DataError({
    op: "gradientCheck",
    problem: "inputs",
    expected: "at least one of dtype f32",
    got: Object.keys(inputs).join(", ") || "none",
  });
}

/** Standard normal numbers in the shape of every float output. */
function randomUpstream({ outputs }: Evaluation, seed: number): Record<string, ArrayInput> {
  const floats = Object.entries(outputs).filter(([, { data }]) => data instanceof Float32Array);
  return Object.fromEntries(
    floats.map(([name, { shape }]) => {
      const key = streamKey(seed, hashString(`upstream ${name}`));
      return [
        name,
        { shape, data: Float32Array.from({ length: numel(shape) }, (_, i) => randomNormal(key, i)) },
      ];
    }),
  );
}

/** All offsets, or `samples` different ones at random. */
function drawOffsets(count: number, samples: number, key: number): number[] {
  if (count <= samples) return Array.from({ length: count }, (_, i) => i);
  const drawn = new Set<number>();
  for (let i = 0; drawn.size < samples; i++) drawn.add(Math.floor(randomUnit(key, i) * count));
  return [...drawn].sort((a, b) => a - b);
}

/** Root mean square, the scale of a step; 1 where everything is 0. */
function sizeOf(data: ArrayLike<number>): number {
  const squares = Array.from(data, (value) => value * value);
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / Math.max(1, squares.length)) || 1;
}

/** A derivative, how far it may be off, and the part of that which is rounding. */
interface Estimate {
  readonly value: number;
  readonly error: number;
  readonly rounding: number;
}

/** The outputs at a value of the element. */
interface Point {
  readonly x: number;
  readonly outputs: Evaluation["outputs"];
}

async function derivative(
  at: (value: number) => Promise<Point>,
  here: Point,
  size: number,
  upstream: Arrays,
): Promise<Estimate> {
  const quotients: Estimate[] = [];
  let [jump, previous] = [0, 0];
  for (const step of STEPS) {
    const [up, down] = [await at(here.x + step * size), await at(here.x - step * size)];
    quotients.push(quotient(up, down, upstream));
    previous = jump;
    jump = quotient(up, here, upstream).value - quotient(here, down, upstream).value;
  }
  const best = extrapolated(quotients);
  // The slopes of the two sides meet as the step shrinks; at a kink they do not.
  const kink = Math.abs(2 * jump - previous);
  return { ...best, error: Math.max(best.error, kink > 8 * best.rounding ? kink : 0) };
}

/** Σ upstream·(y₊ − y₋)/(x₊ − x₋) and its rounding error; outputs that do not change cancel exactly. */
function quotient(up: Point, down: Point, upstream: Arrays): Estimate {
  let sum = 0;
  let rounding = 0;
  for (const [name, weights] of Object.entries(upstream)) {
    const [high, low] = [up.outputs[name]!.data, down.outputs[name]!.data];
    weights.forEach((weight, i) => {
      if (high[i] === low[i]) return;
      sum += weight * (high[i]! - low[i]!);
      rounding += Math.abs(weight) * Math.max(Math.abs(high[i]!), Math.abs(low[i]!)) * ROUNDING;
    });
  }
  const distance = up.x - down.x;
  return { value: sum / distance, error: Number.POSITIVE_INFINITY, rounding: rounding / distance };
}

/** The limit of difference quotients at halving steps: the entry of Neville's tableau that agrees best with its neighbours. */
function extrapolated(quotients: readonly Estimate[]): Estimate {
  let best = quotients[0]!;
  let row: number[] = [];
  for (const { value, rounding } of quotients) {
    const next = [value];
    for (let order = 1; order <= row.length; order++) {
      const [finer, coarser] = [next[order - 1]!, row[order - 1]!];
      const limit = finer + (finer - coarser) / (4 ** order - 1);
      const error = Math.max(Math.abs(limit - finer), Math.abs(limit - coarser)) + rounding;
      if (error < best.error) best = { value: limit, error, rounding };
      next.push(limit);
    }
    row = next;
  }
  return best;
}

function compare(
  shape: Shape,
  numeric: ReadonlyMap<number, Estimate>,
  given: (offset: number) => number,
  tolerance: number,
): InputCheck {
  const typical = sizeOf([...numeric.values()].map(({ value }) => value).filter(Number.isFinite));
  let worst: GradientElement | undefined;
  let most = -1;
  let checked = 0;
  for (const [offset, { value: expected, error, rounding }] of numeric) {
    const got = given(offset);
    const scale = Math.max(Math.abs(expected), typical);
    if (error > Math.max(KINK * scale, 8 * rounding)) continue;
    checked++;
    const allowed = tolerance * scale + 2 * error;
    const off = Math.abs(got - expected) / allowed;
    if (off <= most) continue;
    // NaN is off by more than anything.
    most = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
    worst = { index: indexOf(offset, shape), expected, got, allowed };
  }
  return { passed: checked > 0 && most <= 1, checked, skipped: numeric.size - checked, worst };
}

function indexOf(offset: number, shape: Shape): number[] {
  return rowMajorStrides(shape).map((stride, axis) => Math.floor(offset / stride) % shape[axis]!);
}

function describe(name: string, { passed, checked, skipped, worst }: InputCheck, given: boolean): string {
  const counts = `${checked} elements checked${skipped ? `, ${skipped} left out at kinks` : ""}`;
  if (!worst)
    return `${name}: not checked: the function is smooth at none of its elements; pass other numbers`;
  const { index, expected, got, allowed } = worst;
  const where = `${name}[${index.join(", ")}]`;
  const numbers = `expected ${expected.toPrecision(6)} ± ${allowed.toPrecision(2)}, got ${got.toPrecision(6)}`;
  const missing = given ? "" : " (the op gives this input no gradient)";
  return `${name}: ${passed ? "correct" : "WRONG"}: ${counts}; worst at ${where}: ${numbers}${missing}`;
}
