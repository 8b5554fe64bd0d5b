import { hashString, randomNormal, randomUnit, streamKey } from "../core/random.ts";
import { imageData } from "./data-set.ts";
import { imageMoments } from "./moments.ts";
import { type Splits, splitLast } from "./split-last.ts";

/** What is drawn. */
export interface DrawnDigitsOptions {
  /** Default 3000. */
  readonly count?: number;
  /** Default 1. Same seed, same images. */
  readonly seed?: number;
  /** The last examples validate: a share below 1, or a count. Default 0.2. */
  readonly valid?: number;
}

/** Height and width of an image. */
const SIDE = 28;

type Point = readonly [number, number];

/** Corners of a seven-segment display, x and y in half heights, y down. */
const CORNERS: readonly Point[] = [
  [-0.55, -1],
  [0.55, -1],
  [-0.55, 0],
  [0.55, 0],
  [-0.55, 1],
  [0.55, 1],
];

/** Pairs of corners that a digit joins by strokes. */
const STROKES: readonly (readonly Point[])[] = [
  [
    [0, 1],
    [1, 5],
    [5, 4],
    [4, 0],
  ],
  [[1, 5]],
  [
    [0, 1],
    [1, 3],
    [3, 2],
    [2, 4],
    [4, 5],
  ],
  [
    [0, 1],
    [1, 5],
    [5, 4],
    [2, 3],
  ],
  [
    [0, 2],
    [2, 3],
    [1, 5],
  ],
  [
    [1, 0],
    [0, 2],
    [2, 3],
    [3, 5],
    [5, 4],
  ],
  [
    [1, 0],
    [0, 4],
    [4, 5],
    [5, 3],
    [3, 2],
  ],
  [
    [0, 1],
    [1, 5],
  ],
  [
    [0, 1],
    [1, 5],
    [5, 4],
    [4, 0],
    [2, 3],
  ],
  [
    [3, 2],
    [2, 0],
    [0, 1],
    [1, 5],
    [5, 4],
  ],
];

/**
 * Generated images of ten digits for a first run without files: strokes of a seven-segment display with moved corners,
 * slant, turn, size, place, pen and noise. A stand-in that shows that training works: it is easier than handwriting,
 * and a net trained on it does not read handwriting well.
 * Shapes  images [1, 28, 28], bytes; labels 0 … 9
 */
export function drawnDigits({ count = 3000, seed = 1, valid = 0.2 }: DrawnDigitsOptions = {}): Splits {
  const pixels = SIDE * SIDE;
  const images = new Uint8Array(count * pixels);
  const labels = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    const random = new Stream(streamKey(seed, hashString("drawn digits"), index));
    const digit = Math.floor(random.unit() * 10);
    labels[index] = digit;
    draw(images.subarray(index * pixels, (index + 1) * pixels), strokesOf(digit, random), random);
  }
  const moments = imageMoments(images, 1);
  return splitLast(imageData({ images, shape: [1, SIDE, SIDE], labels, classes: 10, ...moments }), valid);
}

/** The numbers of one image, one after another. */
class Stream {
  readonly #key: number;
  #next = 0;

  constructor(key: number) {
    this.#key = key;
  }

  unit(): number {
    return randomUnit(this.#key, this.#next++);
  }

  /** Normal, cut at two deviations so that nothing leaves the image. */
  normal(mean: number, deviation: number): number {
    const value = randomNormal(this.#key, 0x10000 + this.#next++);
    return mean + deviation * Math.max(-2, Math.min(2, value));
  }
}

/** Strokes of a digit in pixels: start and end. */
function strokesOf(digit: number, random: Stream): readonly (readonly [Point, Point])[] {
  const height = random.normal(8.2, 0.6);
  const width = height * random.normal(0.95, 0.12);
  const slant = random.normal(0.15, 0.16);
  const turn = random.normal(0, 0.08);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const [left, top] = [SIDE / 2 + random.normal(0, 0.8), SIDE / 2 + random.normal(0, 0.8)];
  const corners = CORNERS.map(([cornerX, cornerY]): Point => {
    const y = (cornerY + random.normal(0, 0.09)) * height;
    const x = (cornerX + random.normal(0, 0.09)) * width - slant * y;
    return [left + cos * x - sin * y, top + sin * x + cos * y];
  });
  return STROKES[digit]!.map(([from, to]) => [corners[from]!, corners[to]!]);
}

/** Draws strokes with a round pen of one radius and soft edges, then noise. */
function draw(image: Uint8Array, strokes: readonly (readonly [Point, Point])[], random: Stream): void {
  const radius = Math.exp(random.normal(0.2, 0.3));
  const ink = random.normal(235, 10);
  const noise = 24 * random.unit();
  const cover = new Float32Array(SIDE * SIDE);
  for (const [from, to] of strokes) addStroke(cover, from, to, radius);
  for (let i = 0; i < cover.length; i++) {
    const grain = random.unit() - 0.5;
    // Ink is grainy; paper has few and faint specks.
    const value = cover[i]! > 0 ? cover[i]! * ink + 2 * grain * noise : Math.max(0, grain - 0.3) * 6 * noise;
    image[i] = Math.max(0, Math.min(255, Math.round(value)));
  }
}

/** Raises the share of each pixel that ink covers by one stroke. */
function addStroke(cover: Float32Array, [x0, y0]: Point, [x1, y1]: Point, radius: number): void {
  const reach = radius + 1;
  const [dx, dy] = [x1 - x0, y1 - y0];
  const squared = dx * dx + dy * dy;
  const [left, right] = [
    Math.max(0, Math.floor(Math.min(x0, x1) - reach)),
    Math.min(SIDE - 1, Math.max(x0, x1) + reach),
  ];
  const [top, bottom] = [
    Math.max(0, Math.floor(Math.min(y0, y1) - reach)),
    Math.min(SIDE - 1, Math.max(y0, y1) + reach),
  ];
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const t = ((x + 0.5 - x0) * dx + (y + 0.5 - y0) * dy) / squared;
      const along = Math.max(0, Math.min(1, t));
      const offX = x + 0.5 - x0 - along * dx;
      const offY = y + 0.5 - y0 - along * dy;
      const inside = 0.5 + radius - Math.sqrt(offX * offX + offY * offY);
      const i = y * SIDE + x;
      if (inside > cover[i]!) cover[i] = Math.min(1, inside);
    }
  }
}
