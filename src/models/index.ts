import { OptionError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import type { Module } from "../nn/module.ts";
import { bookNet } from "./book.ts";
import { cnn, type ModelSize, mlp, resnet8, tinyDenseNet, tinyUnet } from "./small.ts";

export { type BookNetOptions, bookNet } from "./book.ts";
export { cnn, type ModelSize, mlp, resnet8, tinyDenseNet, tinyUnet } from "./small.ts";

/** A model that commands know by name. */
export interface ModelEntry {
  /** One line for lists. */
  readonly summary: string;
  /** Shape of one example, [C, H, W], where no data says otherwise. */
  readonly input: Shape;
  /** What gets a class: each image, or each of its pixels. */
  readonly labels: "image" | "pixel";
  /** Heights and widths the model is made for; absent: any. */
  readonly sizes?: { readonly text: string; fits(size: number): boolean };
  build(size: ModelSize): Module;
}

/** Classes of the models where no data says otherwise. */
export const DEFAULT_CLASSES = 10;

const digit = [1, 28, 28];
/** Five halvings leave one pixel. */
const bookSizes = { text: "17 to 32", fits: (size: number) => size >= 17 && size <= 32 };
const multiplesOf4 = { text: "a multiple of 4", fits: (size: number) => size % 4 === 0 };

/** All models by name. */
export const MODELS = {
  book: {
    summary: "the book's net: five stride-2 convolutions with batch norm and ReLU",
    input: digit,
    labels: "image",
    sizes: bookSizes,
    build: ({ input, classes }) => bookNet({ channels: input[0]!, classes }),
  },
  "book-plain": {
    summary: "the book's net without batch norm",
    input: digit,
    labels: "image",
    sizes: bookSizes,
    build: ({ input, classes }) => bookNet({ batchNorm: false, channels: input[0]!, classes }),
  },
  mlp: { summary: "two linear layers, 784-256-10", input: digit, labels: "image", build: mlp },
  cnn: { summary: "three convolutions with max pooling", input: digit, labels: "image", build: cnn },
  resnet8: {
    summary: "three residual blocks; images of any size",
    input: [3, 32, 32],
    labels: "image",
    build: resnet8,
  },
  tinyUnet: {
    summary: "down and up with skips; a class for every pixel",
    input: digit,
    labels: "pixel",
    sizes: multiplesOf4,
    build: tinyUnet,
  },
  tinyDenseNet: {
    summary: "two blocks of densely connected layers",
    input: digit,
    labels: "image",
    build: tinyDenseNet,
  },
} as const satisfies Readonly<Record<string, ModelEntry>>;

export type ModelName = keyof typeof MODELS;

/** The entry of a name. Errors  OptionError naming the nearest model, or all of them */
export function modelEntry(name: string): ModelEntry {
  if (Object.hasOwn(MODELS, name)) return MODELS[name as ModelName];
  const names = Object.keys(MODELS);
  const near = nearest(name, names);
  throw new OptionError({
    op: "model",
    problem: "unknown name",
    expected: near ? `"${near}"` : `one of ${names.join(", ")}`,
    got: `"${name}"`,
    ...(near && { fix: `the models are ${names.join(", ")}` }),
  });
}

/**
 * A model by name, for images of a shape.
 * Errors  OptionError for an unknown name, or images of another form than the model takes
 */
export function buildModel(name: string, size: Partial<ModelSize> = {}): Module {
  const entry = modelEntry(name);
  const { input = entry.input, classes = DEFAULT_CLASSES } = size;
  if (input.length !== 3) {
    throw new OptionError({
      op: `model ${name}`,
      problem: "shape of one example",
      expected: "[C, H, W]",
      got: formatShape(input),
    });
  }
  const off = input.slice(1).find((length) => !(entry.sizes?.fits(length) ?? true));
  if (off !== undefined) {
    throw new OptionError({
      op: `model ${name}`,
      problem: "height and width of the images",
      expected: entry.sizes!.text,
      got: formatShape(input),
      fix: "resize the images, or take a model for any size, such as resnet8",
    });
  }
  return entry.build({ input, classes });
}
