import { describe, expect, test } from "vitest";
import { nearest } from "../../src/core/nearest.ts";
import { numel } from "../../src/core/shape.ts";
import { input } from "../../src/graph/leaf.ts";
import { trace } from "../../src/graph/trace.ts";
import type { Value } from "../../src/graph/value.ts";
import { buildModel, DEFAULT_CLASSES, MODELS, modelEntry } from "../../src/models/index.ts";
import { Model } from "../../src/nn/model.ts";

function outputShape(name: string, example: readonly number[], classes = DEFAULT_CLASSES): readonly number[] {
  const model = new Model(buildModel(name, { input: example, classes }));
  let output: Value | undefined;
  trace("train", () => {
    output = model.apply(input("x", [2, ...example])) as Value;
    return { outputs: { output } };
  });
  return output!.shape;
}

describe("models", () => {
  test.each(Object.entries(MODELS))("%s has an output per class", (name, { input: example, labels }) => {
    const pixels = labels === "pixel" ? example.slice(1) : [];
    expect(outputShape(name, example)).toEqual([2, DEFAULT_CLASSES, ...pixels]);
    expect(outputShape(name, example, 3)).toEqual([2, 3, ...pixels]);
  });

  test("resnet8 takes grey digits and small colour images", () => {
    expect(outputShape("resnet8", [1, 28, 28])).toEqual([2, 10]);
    expect(outputShape("resnet8", [3, 32, 32])).toEqual([2, 10]);
  });

  test("parameters, counted by hand", () => {
    const count = (name: string) => new Model(buildModel(name)).parameterCount();
    const convs = 8 * 25 + 16 * 8 * 9 + 32 * 16 * 9 + 64 * 32 * 9;
    const head = 10 * 64 * 9 + 10;
    expect(count("book")).toBe(convs + 2 * (8 + 16 + 32 + 64) + head);
    expect(count("book-plain")).toBe(convs + (8 + 16 + 32 + 64) + head);
    expect(count("mlp")).toBe(784 * 256 + 256 + 256 * 10 + 10);
  });

  test("names follow the tree, as PyTorch's state_dict would", () => {
    const names = new Model(buildModel("resnet8"))
      .parameters()
      .map(({ name, shape }) => `${name} ${numel(shape)}`);
    expect(names).toContain("block2.sum.shortcut.conv.weight 512");
    expect(names).not.toContain("block1.sum.shortcut.conv.weight 256");
  });

  test("an unknown name gets the nearest known one", () => {
    expect(() => modelEntry("bok")).toThrow('model: unknown name: expected "book", got "bok"');
    expect(() => modelEntry("plain-book-net-of-mine")).toThrow("expected one of book, book-plain, mlp");
    expect(() => modelEntry("constructor")).toThrow("unknown name");
    expect(nearest("RESNET", Object.keys(MODELS))).toBe("resnet8");
  });

  test("images the book's net cannot shrink to one pixel are refused", () => {
    expect(() => buildModel("book", { input: [1, 64, 64] })).toThrow(
      "model book: height and width of the images: expected 17 to 32, got [1, 64, 64]",
    );
    expect(() => buildModel("mlp", { input: [784] })).toThrow("expected [C, H, W], got [784]");
  });
});
