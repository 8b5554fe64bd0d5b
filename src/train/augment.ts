import { OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { hashString, streamKey } from "../core/random.ts";
import type { Column, DataSet } from "../data/data-set.ts";
import { slice } from "../data/data-set.ts";
import { evaluate } from "../evaluate.ts";
import type { AugmentAttrs } from "../ops/augment-draw.ts";
import { augmentDraw, gatherAugmented } from "../ops/index.ts";

/** Random changes of training images; each number is the largest change, each way, and what is left out stays as it is. */
export type AugmentOptions = Partial<AugmentAttrs>;

const NONE: AugmentAttrs = {
  ...{ shift: 0, crop: 0, flip: "none", rotate: 0, shear: 0, scale: [1, 1] },
  ...{ brightness: 0, contrast: 0, cutout: 0, fill: 0 },
};

/** Errors  OptionError for an unknown option, a number out of range, or data without images to change */
export function checkAugment(options: AugmentOptions, data?: DataSet): AugmentAttrs {
  knownOptions("augment", options as AugmentAttrs, {
    ...{ shift: true, crop: true, flip: true, rotate: true, shear: true, scale: true },
    ...{ brightness: true, contrast: true, cutout: true, fill: true },
  });
  const all = { ...NONE, ...options };
  const [low, high] = all.scale;
  range("shift", all.shift, 0, 1);
  range("crop", all.crop, 0, 4096, true);
  range("cutout", all.cutout, 0, 4096, true);
  range("rotate", all.rotate, 0, 180);
  range("shear", all.shear, 0, 80);
  range("scale", low, 0.01, 100);
  range("scale", high, low, 100);
  range("brightness", all.brightness, 0, 1);
  range("contrast", all.contrast, 0, 1);
  range("fill", all.fill, -1e6, 1e6);
  if (!["none", "horizontal", "vertical", "both"].includes(all.flip)) {
    throw refusal("flip", '"none", "horizontal", "vertical" or "both"', all.flip);
  }
  if (data && !Object.values(data.inputs).some(isImages)) {
    throw refusal("data", "an input of images [C, H, W], bytes or floats", "none");
  }
  return all;
}

function range(name: string, value: number, least: number, most: number, whole = false): void {
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return;
  throw refusal(name, `a ${whole ? "whole " : ""}number from ${least} to ${most}`, `${value}`);
}

function refusal(problem: string, expected: string, got: string): OptionError {
  return new OptionError({ op: "augment", problem, expected, got });
}

/** Key of an epoch's changes. */
export function augmentKey(seed: number, epoch: number): number {
  return streamKey(seed, hashString("augmentation"), epoch);
}

/** True for a column that holds images: [C, H, W], not integers. */
export function isImages({ data, shape }: Column): boolean {
  return shape.length === 3 && !(data instanceof Int32Array);
}

export interface AugmentedExamplesOptions {
  /** Examples from the first on. Default 16, or all. */
  readonly count?: number;
  /** Of the learner. Default 0. */
  readonly seed?: number;
  /** Default 0. */
  readonly epoch?: number;
  /** Input column. Default the first that holds images. */
  readonly column?: string;
}

/**
 * A preview: images as training with this augmentation sees them in an epoch, not normalised.
 * Shapes  [count, C, H, W], bytes as numbers from 0 to 1
 * Errors  OptionError as `checkAugment`, or for data without stored images
 */
export async function augmentedExamples(
  device: GPUDevice,
  data: DataSet,
  augment: AugmentOptions,
  options: AugmentedExamplesOptions = {},
): Promise<Float32Array> {
  knownOptions("augmentedExamples", options, { count: true, seed: true, epoch: true, column: true });
  const { count = Math.min(16, data.count), seed = 0, epoch = 0 } = options;
  const attrs = checkAugment(augment);
  const name = options.column ?? Object.keys(data.inputs).find((key) => isImages(data.inputs[key]!));
  const column = name === undefined ? undefined : data.inputs[name];
  if (!column || !isImages(column) || data.generator) {
    throw refusal("data", "a stored input of images [C, H, W]", name ?? "none");
  }
  const { data: array, shape } = slice(data, 0, count).inputs[name!]!;
  const bytes = new Uint8Array(Math.ceil(array.byteLength / 4) * 4);
  bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  const words = { data: new Uint32Array(bytes.buffer), shape: [bytes.length / 4], dtype: "u32" } as const;
  const storage = array instanceof Uint8Array ? "u8" : "f32";
  const [, height = 1, width = 1] = shape;
  const { outputs } = await evaluate(
    device,
    ({ source, indices, key }) => {
      const params = augmentDraw(indices!, key!, { ...attrs, batch: count, height, width });
      const gathered = {
        batch: count,
        example: shape,
        storage,
        mean: [],
        std: [],
        fill: attrs.fill,
      } as const;
      return gatherAugmented(source!, indices!, params, gathered);
    },
    {
      source: words,
      indices: { data: Uint32Array.from({ length: count }, (_, i) => i), shape: [count], dtype: "u32" },
      key: { data: [augmentKey(seed, epoch)], shape: [1], dtype: "u32" },
    },
  );
  return outputs.output!.data as Float32Array;
}
