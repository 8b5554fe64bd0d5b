import { OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { hashString, streamKey } from "../core/random.ts";
import { constant } from "../graph/leaf.ts";
import { DIGIT_SIDE, digitPixels } from "../ops/digit-pixels.ts";
import { digitStrokes } from "../ops/digit-strokes.ts";
import type { DataSet } from "./data-set.ts";
import { DIGIT_FORMS } from "./digit-forms.ts";
import { DIGIT_MOMENTS } from "./moments.ts";
import { packForms, parseForms } from "./pack-forms.ts";
import type { Splits } from "./split-last.ts";

/** What is drawn. */
export interface DrawnDigitsOptions {
  /** Training images of an epoch. Default 3000. */
  readonly count?: number;
  /** Default 1. Same seed, same images, on one adapter. */
  readonly seed?: number;
  /** Validation images, drawn once from a stream of their own. Default 600. */
  readonly valid?: number;
  /** New training images every epoch. Default true. */
  readonly fresh?: boolean;
  /** Pixels by which a training image is moved at most, each way. Default 1. */
  readonly shift?: number;
}

const CLASSES = 10;
/** Images of one run: about 100 ms on a software adapter. */
const CHUNK = 1000;

/**
 * Handwritten digits, 28 x 28, that are drawn on the device from (seed, epoch, index) and stored nowhere. Image i shows
 * the digit i mod 10, so that labels are balanced; the training order is shuffled.
 * Errors  OptionError for counts, a seed or a shift out of range
 */
export function drawnDigits(options: DrawnDigitsOptions = {}): Splits {
  knownOptions("drawnDigits", options, { count: true, seed: true, valid: true, fresh: true, shift: true });
  const { count = 3000, seed = 1, valid = 600, fresh = true, shift = 1 } = options;
  checkWhole("count", count, 1, 2 ** 24);
  checkWhole("valid", valid, 1, 2 ** 24);
  checkWhole("seed", seed, 0, 2 ** 32 - 1);
  checkWhole("shift", shift, 0, 4);
  return {
    train: digits(count, seed, fresh, shift),
    valid: digits(valid, streamKey(seed, hashString("validation images")), false, 0),
  };
}

function checkWhole(problem: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new OptionError({
    op: "drawnDigits",
    problem,
    expected: `a whole number from ${least} to ${most}`,
    got: `${value}`,
  });
}

function digits(count: number, seed: number, fresh: boolean, shift: number): DataSet {
  return {
    count,
    inputs: { x: { data: new Uint8Array(0), shape: [1, DIGIT_SIDE, DIGIT_SIDE], ...DIGIT_MOMENTS } },
    targets: { y: { data: Int32Array.from({ length: count }, (_, i) => i % CLASSES), shape: [] } },
    classes: CLASSES,
    generator: {
      columns: ["x"],
      chunk: CHUNK,
      seed,
      fresh,
      draw: ({ x }, images) => digitPixels(digitStrokes(packedForms(), { count: images, shift }), x!),
    },
  };
}

let words: Uint32Array<ArrayBuffer> | undefined;

function packedForms() {
  words ??= packForms(parseForms(DIGIT_FORMS));
  return constant(words);
}
