/** Learning rates that the curve of an lr finder suggests; NaN where it has too few points. */
export interface LrSuggestions {
  /** About the middle of the longest valley: fastai's own choice. */
  readonly valley: number;
  /** Where the loss falls fastest by log lr. */
  readonly steep: number;
  /** Left of the last stretch whose gradient changes. */
  readonly slide: number;
  /** A tenth of where the loss is lowest. */
  readonly minimum: number;
}

/**
 * All four suggestions from the points between the first tenth and the last five, up to the first NaN.
 * Source  fastai callback/schedule.py: valley, steep, slide, minimum, lr_find
 */
export function suggestLr(lrs: readonly number[], losses: readonly number[], steps: number): LrSuggestions {
  const first = Math.floor(steps / 10);
  const used = losses.slice(first, -5);
  const nan = used.findIndex(Number.isNaN);
  const count = nan < 0 ? used.length : nan;
  const points = { lrs: lrs.slice(first, first + count), losses: used.slice(0, count) };
  return { valley: valley(points), steep: steep(points), slide: slide(points), minimum: minimum(points) };
}

interface Points {
  readonly lrs: readonly number[];
  readonly losses: readonly number[];
}

/** Middle third of the longest decreasing subsequence, by dynamic programming over all pairs. */
function valley({ lrs, losses }: Points): number {
  const lengths = losses.map(() => 1);
  let [start, end] = [0, 0];
  for (let i = 1; i < losses.length; i++) {
    for (let j = 0; j < i; j++) {
      if (losses[i]! < losses[j]! && lengths[i]! < lengths[j]! + 1) lengths[i] = lengths[j]! + 1;
      if (lengths[end]! < lengths[i]!) {
        end = i;
        start = end - lengths[end]!;
      }
    }
  }
  const sections = (end - start) / 3;
  // The index may be −1 on a short curve, which counts from the end.
  return lrs.at(start + Math.trunc(sections) + Math.trunc(sections / 2)) ?? Number.NaN;
}

function steep({ lrs, losses }: Points): number {
  const slopes = losses
    .slice(1)
    .map((loss, i) => (loss - losses[i]!) / (Math.log(lrs[i + 1]!) - Math.log(lrs[i]!)));
  return lrs[argMin(slopes)] ?? Number.NaN;
}

function minimum({ lrs, losses }: Points): number {
  return (lrs[argMin(losses)] ?? Number.NaN) / 10;
}

/** Window of the slide rule, in points, and the difference of gradients that it slides over. */
const WINDOW = 15;
const THRESHOLD = 0.005;

function slide({ lrs, losses }: Points): number {
  const slopes = gradient(losses);
  let right = losses.length - 1;
  let left = right - WINDOW;
  let found = lrs[left] ?? Number.NaN;
  while (left >= 0 && Math.abs(slopes[right]! - slopes[left]!) > THRESHOLD) {
    found = lrs[left]!;
    right--;
    left--;
  }
  return found;
}

/** Central differences, one-sided at the ends. */
function gradient(values: readonly number[]): number[] {
  const last = values.length - 1;
  return values.map((_, i) => {
    const [a, b] = [Math.max(0, i - 1), Math.min(last, i + 1)];
    return (values[b]! - values[a]!) / (b - a);
  });
}

function argMin(values: readonly number[]): number {
  let best = values.length > 0 ? 0 : -1;
  for (let i = 1; i < values.length; i++) if (values[i]! < values[best]!) best = i;
  return best;
}
