/** The middle number, or the mean of the two middle ones; NaN of none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The least number; NaN of none. */
export function minimum(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : Math.min(...values);
}

/** Work and time of one point of a scaling table. */
export interface ScalingPoint {
  readonly label: string;
  /** FLOPs or bytes. */
  readonly work: number;
  readonly ms: number;
}

/** A point with what the smaller ones predict for it. */
export interface ScalingVerdict extends ScalingPoint {
  /** Undefined for the points that make the first line. */
  readonly predicted?: number;
  /** Time over the prediction. */
  readonly ratio?: number;
}

/** How much more than the line through the smaller points predicts a point may cost. */
export const LINEARITY_LIMIT = 1.15;

/**
 * Least-squares line ms = a + b·work, a and b not below 0, with every point weighted by 1/ms², so that small points count
 * as much as large ones.
 */
export function fitLine(points: readonly ScalingPoint[]): {
  readonly offset: number;
  readonly slope: number;
} {
  let [s, sx, sy, sxx, sxy] = [0, 0, 0, 0, 0];
  for (const { work, ms } of points) {
    const weight = 1 / (ms * ms);
    s += weight;
    sx += weight * work;
    sy += weight * ms;
    sxx += weight * work * work;
    sxy += weight * work * ms;
  }
  const determinant = s * sxx - sx * sx;
  const slope = determinant > 0 ? (s * sxy - sx * sy) / determinant : 0;
  const offset = (sy - slope * sx) / s;
  // A line through the origin, or a level one, where the best has a negative part.
  if (offset < 0 || determinant <= 0) return { offset: 0, slope: sxy / sxx };
  return slope < 0 ? { offset: sy / s, slope: 0 } : { offset, slope };
}

/** Compares every point but the first two with the line through all smaller ones. */
export function linearity(points: readonly ScalingPoint[]): ScalingVerdict[] {
  const sorted = [...points].sort((a, b) => a.work - b.work);
  return sorted.map((point, i) => {
    if (i < 2) return point;
    const { offset, slope } = fitLine(sorted.slice(0, i));
    const predicted = offset + slope * point.work;
    return { ...point, predicted, ratio: point.ms / predicted };
  });
}
