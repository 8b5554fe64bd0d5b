import { expect } from "vitest";
import { type ArrayInput, type EvaluateOptions, type Evaluation, evaluate } from "../../src/evaluate.ts";
import { fillInputs, fillUpstream } from "../reference/tensor.ts";
import type { OpCase, Tensor, Tensors } from "../reference/types.ts";
import { testDevice } from "../setup/gpu.ts";

/** One element that is off by more than its tolerance. */
export interface Mismatch {
  readonly name: string;
  readonly offset: number;
  readonly expected: number;
  readonly got: number;
  readonly tolerance: number;
}

/** Relative part of the tolerance, in units of the sum of the magnitudes of an element's terms. */
export const RELATIVE = 2e-6;
export const ABSOLUTE = 1e-7;

/** Elements of `got` that differ from the reference by more than `relative`·magnitude + 1e-7. Per element, never a mean. */
export function mismatches(
  name: string,
  got: ArrayLike<number>,
  want: Tensor,
  relative = RELATIVE,
): Mismatch[] {
  const found: Mismatch[] = [];
  if (got.length !== want.data.length) {
    return [
      { name: `${name}.length`, offset: -1, expected: want.data.length, got: got.length, tolerance: 0 },
    ];
  }
  for (let offset = 0; offset < got.length; offset++) {
    const expected = want.data[offset]!;
    const value = got[offset]!;
    const tolerance = relative * (want.magnitude?.[offset] ?? Math.abs(expected)) + ABSOLUTE;
    const equal = Object.is(value, expected) || Math.abs(value - expected) <= tolerance;
    if (!equal) found.push({ name, offset, expected, got: value, tolerance });
  }
  return found;
}

/** Runs a case on the device, all memory filled with NaN first, and returns what disagrees with the reference. */
export async function caseMismatches(
  test: OpCase,
  { relative, ...options }: EvaluateOptions & { readonly relative?: number } = {},
): Promise<Mismatch[]> {
  const device = await testDevice();
  const inputs = fillInputs(test);
  const forward = test.reference.forward(inputs, test.attrs);
  const upstream = fillUpstream(test, forward);
  const arrays: Record<string, ArrayInput> = {};
  for (const [name, tensor] of Object.entries(inputs)) {
    arrays[name] = { data: tensor.data, shape: tensor.shape, dtype: test.inputs[name]!.dtype ?? "f32" };
  }
  const result = await evaluate(device, (values) => test.run(values, test.attrs), arrays, {
    upstream,
    mode: test.mode ?? "eval",
    poison: true,
    ...options,
  });
  const gradients = test.reference.backward(inputs, test.attrs, upstream);
  return compare(test, result, forward, gradients, relative);
}

function compare(
  test: OpCase,
  result: Evaluation,
  forward: Tensors,
  gradients: Tensors,
  relative?: number,
): Mismatch[] {
  const found: Mismatch[] = [];
  for (const [name, tensor] of Object.entries(forward)) {
    if (test.state?.includes(name)) continue;
    found.push(...mismatches(name, result.outputs[name]?.data ?? [], tensor, relative));
  }
  for (const name of test.state ?? []) {
    // Evaluation leaves a state alone, and then nothing is returned for it.
    if (test.mode !== "train" && !result.state[name]) continue;
    found.push(...mismatches(`state ${name}`, result.state[name]?.data ?? [], forward[name]!, relative));
  }
  for (const [name, spec] of Object.entries(test.inputs)) {
    if (spec.gradient === false || spec.dtype === "i32" || !gradients[name]) continue;
    const got = result.gradients[name]?.data ?? [];
    found.push(...mismatches(`gradient of ${name}`, got, gradients[name], relative));
  }
  return found;
}

/** Text of the first mismatches, for a failing test. */
export function describeMismatches(found: readonly Mismatch[]): string {
  const lines = found
    .slice(0, 5)
    .map(
      (m) => `${m.name}[${m.offset}]: expected ${m.expected} ± ${m.tolerance.toExponential(1)}, got ${m.got}`,
    );
  return [`${found.length} elements off`, ...lines].join("\n");
}

/** Fails if the case disagrees with its reference anywhere. */
export async function expectCase(test: OpCase, options?: EvaluateOptions): Promise<void> {
  const found = await caseMismatches(test, options);
  expect(found.length, describeMismatches(found)).toBe(0);
}
