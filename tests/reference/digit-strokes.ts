import { randomUnit, streamKey } from "../../src/core/random.ts";
import type { DigitForm } from "../../src/data/pack-forms.ts";

type Point = readonly [number, number];
/** A point of a curve, its pen radius, and whether a segment leads to it. */
interface Inked {
  readonly at: Point;
  readonly radius: number;
  readonly joined: boolean;
}

/** One segment: place, vector, radius and its change. */
export type Stroke = readonly [number, number, number, number, number, number];

const SAMPLES = 4;

/** Numbers of an image's stream, one after another. */
class Stream {
  readonly #key: number;
  #index = 0;

  constructor(key: number) {
    this.#key = key;
  }

  unit(): number {
    return randomUnit(this.#key, this.#index++);
  }

  normals(): Point {
    const radius = Math.sqrt(-2 * Math.log(1 - this.unit()));
    const angle = 2 * Math.PI * this.unit();
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  }
}

const clamp = (x: number, low: number, high: number) => Math.min(high, Math.max(low, x));
const rotated = ([x, y]: Point, cos: number, sin: number): Point => [cos * x - sin * y, sin * x + cos * y];

/** The strokes that shaders/digit_strokes.wgsl makes of (seed, epoch, image), in double precision. */
export function digitStrokesReference(
  digits: readonly (readonly DigitForm[])[],
  { seed, epoch, image, shift }: { seed: number; epoch: number; image: number; shift: number },
): { strokes: Stroke[]; softness: number } {
  const random = new Stream(streamKey(seed, epoch, image));
  const digit = image % 10;
  const strokes = controlStrokes(digits[digit]!, random);
  if (strokes.length > 1) moveStrokes(strokes, random);
  const curves = strokes.map(({ points, corners }) => curveThrough(points, corners));
  const bent = bend(curves, digit, random);
  const { inked, radius } = press(bent, random);
  const placed = centred(inked, radius, random, shift);
  const result = placed.flatMap(({ at, radius: to, joined }, i): Stroke[] => {
    if (!joined) return [];
    const before = placed[i - 1]!;
    const [x, y] = before.at;
    return [[x, y, at[0] - x, at[1] - y, before.radius, to - before.radius]];
  });
  return { strokes: result, softness: 0.9 + 0.6 * random.unit() };
}

interface Control {
  points: Point[];
  corners: boolean[];
}

function controlStrokes(forms: readonly DigitForm[], random: Stream): Control[] {
  const total = forms.reduce((sum, { weight }) => sum + weight, 0);
  const u = random.unit();
  let share = 0;
  const shares = forms.map(({ weight }) => {
    share += weight / total;
    return Math.fround(share);
  });
  const { keys } = forms[shares.findIndex((below) => u < below)] ?? forms.at(-1)!;
  const exponentials = keys.map(() => -Math.log(1 - random.unit()));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  const weights = exponentials.map((e) => (1.25 * e) / sum - 0.25 / keys.length);
  const cornered = keys[Math.floor(random.unit() * keys.length)]!;
  const jitter = 0.06 * clamp(Math.exp(0.5 * random.normals()[0]), 0.3, 2.5);
  const strokes: Control[] = [{ points: [], corners: [] }];
  let starts = true;
  for (const [p, { isLast }] of keys[0]!.entries()) {
    const mean = (axis: "x" | "y") =>
      keys.reduce((place, key, k) => place + (weights[k]! * key[p]![axis]) / 100, 0);
    const [dx, dy] = random.normals();
    const size = jitter * (starts || isLast ? 1.3 : 1);
    strokes.at(-1)!.points.push([mean("x") + size * dx, mean("y") + size * dy]);
    strokes.at(-1)!.corners.push(cornered[p]!.isCorner);
    starts = isLast;
    if (isLast && p < keys[0]!.length - 1) strokes.push({ points: [], corners: [] });
  }
  return strokes;
}

function moveStrokes(strokes: Control[], random: Stream): void {
  for (const stroke of strokes) {
    const count = stroke.points.length;
    const middle = [0, 1].map((axis) => stroke.points.reduce((sum, p) => sum + p[axis]!, 0) / count);
    const [turn, grow] = random.normals();
    const [dx, dy] = random.normals();
    const scale = 1 + 0.06 * grow;
    stroke.points = stroke.points.map(([x, y]) => {
      const away: Point = [x - middle[0]!, y - middle[1]!];
      const [rx, ry] = rotated(away, scale * Math.cos(0.09 * turn), scale * Math.sin(0.09 * turn));
      return [middle[0]! + 0.03 * dx + rx, middle[1]! + 0.03 * dy + ry];
    });
  }
}

/** Catmull-Rom as cubic Bézier curves: handles a sixth of the neighbours' distance. */
function curveThrough(points: readonly Point[], corners: readonly boolean[]): Point[] {
  const curve: Point[] = [points[0]!];
  for (let i = 0; i + 1 < points.length; i++) {
    const [b, c] = [points[i]!, points[i + 1]!];
    const open = i === 0 || corners[i]!;
    const closed = i + 2 === points.length || corners[i + 1]!;
    const along = (axis: 0 | 1, t: number) => {
      const before = open ? 2 * b[axis] - c[axis] : points[i - 1]![axis];
      const after = closed ? 2 * c[axis] - b[axis] : points[i + 2]![axis];
      const handles = [
        b[axis],
        b[axis] + (c[axis] - before) / 6,
        c[axis] - (after - b[axis]) / 6,
        c[axis],
      ] as const;
      const s = 1 - t;
      return (
        s ** 3 * handles[0] + 3 * s * s * t * handles[1] + 3 * s * t * t * handles[2] + t ** 3 * handles[3]
      );
    };
    for (let s = 1; s <= SAMPLES; s++) curve.push([along(0, s / SAMPLES), along(1, s / SAMPLES)]);
  }
  return curve;
}

function bend(curves: readonly (readonly Point[])[], digit: number, random: Stream): Point[][] {
  const waves = [3, 5, 8].map((number) => {
    const angle = 2 * Math.PI * random.unit();
    const [ax, ay] = random.normals();
    const size = (0.08 * 3) / number;
    const phase = 2 * Math.PI * random.unit();
    return {
      kx: number * Math.cos(angle),
      ky: number * Math.sin(angle),
      ax: size * ax,
      ay: size * ay,
      phase,
    };
  });
  const [widen, heighten] = random.normals().map((n) => 0.15 * n) as [number, number];
  const [lean, stretch] = random.normals();
  const shear = 0.18 + (digit === 1 ? 0.425 : 0.25) * lean;
  const angle = 0.08 * random.normals()[0];
  const placed = ([x, y]: Point): Point => {
    const swing = waves.map(({ kx, ky, phase }) => Math.sin(kx * x + ky * y + phase));
    const dx = x - 0.5 + waves.reduce((sum, { ax }, w) => sum + ax * swing[w]!, 0);
    const dy = y - 0.5 + waves.reduce((sum, { ay }, w) => sum + ay * swing[w]!, 0);
    const [px, py] = [dx * (1 + widen * dy), dy * (1 + heighten * dy)];
    return rotated([Math.exp(0.18 * stretch) * px - shear * py, py], Math.cos(angle), Math.sin(angle));
  };
  return curves.map((curve) => curve.map(placed));
}

function press(curves: readonly (readonly Point[])[], random: Stream): { inked: Inked[]; radius: number } {
  const radius = clamp(Math.exp(0.12 + 0.32 * random.normals()[0]), 0.55, 2.9);
  const start = 2 * Math.PI * random.unit();
  const rate = 2 * Math.PI * (0.5 + random.unit());
  const nib = 2 * Math.PI * random.unit();
  const length = curves.flat().length;
  let p = 0;
  const inked = curves.flatMap((curve) =>
    curve.map((at, i): Inked => {
      const [before, after] = [curve[Math.max(0, i - 1)]!, curve[Math.min(curve.length - 1, i + 1)]!];
      const direction = Math.atan2(after[1] - before[1], after[0] - before[0]);
      const slow = 1 + 0.18 * Math.sin(start + (rate * p++) / length);
      return { at, radius: radius * slow * (1 + 0.12 * Math.cos(2 * direction - nib)), joined: i > 0 };
    }),
  );
  return { inked, radius };
}

function centred(inked: readonly Inked[], radius: number, random: Stream, shift: number): Inked[] {
  const edge = (axis: 0 | 1, side: 1 | -1, s: number) =>
    side * Math.max(...inked.map(({ at, radius: r }) => side * s * at[axis] + r));
  const larger = (s: number) =>
    Math.max(edge(0, 1, s) - edge(0, -1, s), edge(1, 1, s) - edge(1, -1, s)) - 2 * radius;
  let s = (20 - 2 * radius) / Math.max(larger(1), 1e-3);
  for (let turn = 0; turn < 3; turn++) s *= (20 - 2 * radius) / Math.max(larger(s), 1e-3);
  const [left, top] = [edge(0, -1, s), edge(1, -1, s)];
  const boxed = inked.map((point) => ({
    ...point,
    at: [s * point.at[0] - left, s * point.at[1] - top] as Point,
  }));
  const mass = [0, 0, 0];
  for (const [i, { at, radius: to, joined }] of boxed.entries()) {
    if (!joined) continue;
    const { at: from, radius: r } = boxed[i - 1]!;
    const ink = Math.hypot(at[0] - from[0], at[1] - from[1]) * (r + to);
    mass[0]! += (ink * (from[0] + at[0])) / 2;
    mass[1]! += (ink * (from[1] + at[1])) / 2;
    mass[2]! += ink;
  }
  const moved = [0, 1].map((axis) => {
    const by = Math.floor(random.unit() * (2 * shift + 1)) - shift;
    return Math.floor(14 - mass[axis]! / mass[2]! + 0.5) + by;
  });
  return boxed.map((point) => ({ ...point, at: [point.at[0] + moved[0]!, point.at[1] + moved[1]!] }));
}
