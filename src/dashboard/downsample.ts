/**
 * Indices of a column that show its shape in so many groups: first and last, and of every group the least and the
 * largest, and a number that is not finite where there is one. At most 3 a group.
 */
export function extremeIndices(
  values: ArrayLike<number>,
  from: number,
  to: number,
  groups: number,
): number[] {
  const count = to - from;
  if (count <= 2 * groups) return Array.from({ length: Math.max(0, count) }, (_, i) => from + i);
  const kept = new Set<number>([from]);
  for (let group = 0; group < groups; group++) {
    const start = from + Math.floor((group * count) / groups);
    const end = from + Math.floor(((group + 1) * count) / groups);
    for (const index of groupExtremes(values, start, end)) kept.add(index);
  }
  kept.add(to - 1);
  return [...kept].sort((a, b) => a - b);
}

function groupExtremes(values: ArrayLike<number>, start: number, end: number): number[] {
  let [least, most, broken] = [-1, -1, -1];
  for (let i = start; i < end; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      if (broken < 0) broken = i;
      continue;
    }
    if (least < 0 || value < values[least]!) least = i;
    if (most < 0 || value > values[most]!) most = i;
  }
  return [least, most, broken].filter((index) => index >= 0);
}

/** First index whose value is at least `value`, in a column that rises. */
export function firstAtLeast(rising: ArrayLike<number>, value: number): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
