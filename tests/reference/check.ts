import { at, sizeOf } from "./tensor.ts";
import type { Attrs, Reference, Tensor, Tensors } from "./types.ts";

/** The largest disagreement between a reference's gradient and central differences of its forward. */
export interface Disagreement {
  readonly input: string;
  readonly offset: number;
  readonly gradient: number;
  readonly difference: number;
  /** |gradient − difference| over the largest element of that input's gradient (at least 1e-3). */
  readonly relative: number;
}

/** Σ upstream·output over the outputs that have an upstream gradient. */
function weightedSum(outputs: Tensors, upstream: Tensors): number {
  let sum = 0;
  for (const [name, dy] of Object.entries(upstream)) {
    const y = outputs[name];
    if (y === undefined || sizeOf(y.shape) !== dy.data.length) {
      throw new Error(`reference: no output "${name}" of ${dy.data.length} elements`);
    }
    for (let offset = 0; offset < dy.data.length; offset++) {
      sum += at(dy.data, offset) * at(y.data, offset);
    }
  }
  return sum;
}

/** `inputs` with one element of one input replaced. */
function withElement(inputs: Tensors, name: string, offset: number, value: number): Tensors {
  const source = inputs[name] as Tensor;
  const data = Float64Array.from(source.data);
  data[offset] = value;
  return { ...inputs, [name]: { shape: source.shape, data } };
}

/** Standard deviation of the elements, 1 where they are all alike. */
function deviationOf(data: Float64Array): number {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  return variance > 0 ? Math.sqrt(variance) : 1;
}

/** Offsets to look at: all of a small tensor, evenly spread ones (first and last included) of a large one. */
function sampleOffsets(size: number, limit: number): number[] {
  if (size <= limit) {
    return Array.from({ length: size }, (_, offset) => offset);
  }
  return Array.from({ length: limit }, (_, i) => Math.round((i * (size - 1)) / (limit - 1)));
}

/** (loss(x + reach) − loss(x − reach)) / 2·reach, with the reach that float64 really took. */
function slope(loss: (value: number) => number, x: number, reach: number): number {
  return (loss(x + reach) - loss(x - reach)) / (x + reach - (x - reach));
}

/** The difference quotient nearest to `gradient` over the steps, the first within `enough` of it. */
function closestDifference(
  loss: (value: number) => number,
  x: number,
  steps: readonly number[],
  gradient: number,
  enough: number,
): number {
  let closest = Number.POSITIVE_INFINITY;
  for (const h of steps) {
    const difference = (4 * slope(loss, x, h) - slope(loss, x, 2 * h)) / 3;
    if (Math.abs(difference - gradient) < Math.abs(closest - gradient)) {
      closest = difference;
    }
    if (Math.abs(closest - gradient) <= enough) {
      break;
    }
  }
  return closest;
}

/** The usual step, a wider one where a large mean costs digits, a narrow one beside a pole or a jump of curvature. */
const usualSteps = [1e-4, 1e-3, 1e-6];

/**
 * Compares reference.backward with differences of L = Σ upstream·reference.forward in float64:
 * dL/dx ≈ (8·(L(x+h) − L(x−h)) − (L(x+2h) − L(x−2h))) / 12h, whose error is of order h⁴.
 *
 * Shapes  upstream has the shape of the outputs it names; backward must return a tensor shaped as each input
 * Units   `step` is h over the deviation of the input it moves, or several of which the one that agrees best
 *         counts (a wrong gradient agrees at none); `limit` elements at most are checked per input
 * Errors  throws when a gradient has the wrong shape, or a magnitude smaller than the value it belongs to
 * @returns the worst disagreement over every input that backward names; 1e-6 is a fair bound on `relative`
 */
export function centralDifference(
  reference: Reference,
  inputs: Tensors,
  attrs: Attrs,
  upstream: Tensors,
  step: number | readonly number[] = usualSteps,
  limit = 40,
): Disagreement {
  checkMagnitudes(reference.forward(inputs, attrs));
  const gradients = reference.backward(inputs, attrs, upstream);
  checkMagnitudes(gradients);
  let worst: Disagreement = { input: "", offset: 0, gradient: 0, difference: 0, relative: 0 };
  for (const [input, tensor] of Object.entries(gradients)) {
    const source = inputs[input];
    if (source === undefined || source.shape.join() !== tensor.shape.join()) {
      throw new Error(
        `reference: gradient "${input}" is shaped [${tensor.shape.join(", ")}], its input is not`,
      );
    }
    const largest = tensor.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    const deviation = deviationOf(source.data);
    const steps = [step].flat().map((share) => share * deviation);
    for (const offset of sampleOffsets(source.data.length, limit)) {
      const gradient = at(tensor.data, offset);
      const loss = (value: number): number =>
        weightedSum(reference.forward(withElement(inputs, input, offset, value), attrs), upstream);
      const difference = closestDifference(loss, at(source.data, offset), steps, gradient, 1e-7 * largest);
      const relative = Math.abs(gradient - difference) / largest;
      if (relative > worst.relative) {
        worst = { input, offset, gradient, difference, relative };
      }
    }
  }
  return worst;
}

/** A magnitude is a sum of absolute terms, so never below the absolute value of their sum. */
export function checkMagnitudes(tensors: Tensors): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor.data.length !== sizeOf(tensor.shape)) {
      throw new Error(`reference: "${name}" holds ${tensor.data.length} values, its shape says otherwise`);
    }
    for (let offset = 0; offset < tensor.data.length; offset++) {
      const value = Math.abs(at(tensor.data, offset));
      const magnitude = tensor.magnitude === undefined ? value : at(tensor.magnitude, offset);
      if (!(magnitude >= value * (1 - 1e-9))) {
        throw new Error(`reference: magnitude ${magnitude} of "${name}"[${offset}] is below |${value}|`);
      }
    }
  }
}
