import type { Results } from "./contender.ts";

/** How near two results are. */
export interface Agreement {
  readonly output: string;
  /** Largest difference over the largest magnitude. */
  readonly error: number;
  readonly tolerance: number;
  readonly agrees: boolean;
}

/** Largest difference of two arrays over the largest magnitude of either; infinite for NaN or unequal lengths. */
export function relativeError(ours: Float32Array, theirs: Float32Array): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let magnitude = 0;
  for (let i = 0; i < ours.length; i++) {
    const [a, b] = [ours[i]!, theirs[i]!];
    if (!(Number.isFinite(a) && Number.isFinite(b))) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(a - b));
    magnitude = Math.max(magnitude, Math.abs(a), Math.abs(b));
  }
  return difference === 0 ? 0 : difference / magnitude;
}

/** Tolerance of kernel results: sums in another order, and Winograd's 3e-5 of the sum of magnitudes. */
export const KERNEL_TOLERANCE = 3e-4;
/** Tolerance of the loss of the first step, and of the one after its update. */
export const LOSS_TOLERANCE = 1e-4;
export const SECOND_LOSS_TOLERANCE = 1e-3;

export function toleranceOf(output: string): number {
  if (output === "loss") return LOSS_TOLERANCE;
  return output === "lossAfterUpdate" ? SECOND_LOSS_TOLERANCE : KERNEL_TOLERANCE;
}

/** Compares every output that both have. None in common is a disagreement. */
export function compareResults(ours: Results, theirs: Results): Agreement[] {
  const shared = Object.keys(theirs).filter((name) => name in ours);
  if (shared.length === 0) {
    return [{ output: "none in common", error: Number.POSITIVE_INFINITY, tolerance: 0, agrees: false }];
  }
  return shared.map((output) => {
    const error = relativeError(ours[output]!, theirs[output]!);
    const tolerance = toleranceOf(output);
    return { output, error, tolerance, agrees: error <= tolerance };
  });
}
