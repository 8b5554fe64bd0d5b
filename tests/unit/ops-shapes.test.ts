import { describe, expect, test } from "vitest";
import { OptionError, ShapeError } from "../../src/core/errors.ts";
import { formatShape } from "../../src/core/shape.ts";
import { input } from "../../src/graph/leaf.ts";
import { scope, trace } from "../../src/graph/trace.ts";
import type { Value } from "../../src/graph/value.ts";
import * as ops from "../../src/ops/index.ts";

/** Shapes that the pointwise, reduction and shape operators infer, and what they say about inputs that do not fit. */

function inTrace<T>(body: () => T): T {
  let result: T | undefined;
  trace("train", () => {
    result = body();
    return { outputs: {} };
  });
  return result as T;
}

function shapeOf(body: () => Value): string {
  return formatShape(inTrace(body).shape);
}

/** The texts of the errors, which must all be of the given class. */
function refusals(Class: typeof ShapeError | typeof OptionError, bodies: readonly (() => unknown)[]): string {
  const texts = bodies.map((body) => {
    try {
      inTrace(body);
    } catch (error) {
      expect(error).toBeInstanceOf(Class);
      return (error as Error).message;
    }
    return expect.fail(`nothing was refused: ${body}`);
  });
  return texts.join("\n");
}

const image = input("x", [2, 5, 3, 7]);
const rows = input("rows", [3, 4]);
const labels = input("labels", [3], "i32");

describe("shapes", () => {
  test.each<[string, () => Value, string]>([
    ["add broadcasts from the right", () => ops.add(image, input("b", [5, 1, 1])), "[2, 5, 3, 7]"],
    ["sub widens both", () => ops.sub(input("a", [3, 1]), input("b", [4])), "[3, 4]"],
    ["mul by a number", () => ops.mul(image, 2), "[2, 5, 3, 7]"],
    ["div of two numbers", () => ops.div(1, 3), "[]"],
    ["pow by a number", () => ops.pow(rows, 2), "[3, 4]"],
    ["pow by an array", () => ops.pow(2, rows), "[3, 4]"],
    ["prelu with one slope a channel", () => ops.prelu(image, input("weight", [5])), "[2, 5, 3, 7]"],
    ["sum over all", () => ops.sum(image), "[]"],
    ["mean over space", () => ops.mean(image, { axes: [-1, 2] }), "[2, 5]"],
    ["max, axes kept", () => ops.max(image, { axes: [1], keepDims: true }), "[2, 1, 3, 7]"],
    ["softmax", () => ops.softmax(rows), "[3, 4]"],
    ["logSoftmax", () => ops.logSoftmax(image, { axis: 1 }), "[2, 5, 3, 7]"],
    ["flatten", () => ops.flatten(image), "[2, 105]"],
    ["flatten in the middle", () => ops.flatten(image, { start: 1, end: 2 }), "[2, 15, 7]"],
    ["flatten a scalar", () => ops.flatten(input("s", [])), "[1]"],
    ["reshape with -1", () => ops.reshape(image, [-1, 15]), "[14, 15]"],
    ["permute", () => ops.permute(image, [0, 2, 3, -3]), "[2, 3, 7, 5]"],
    ["concat", () => ops.concat([image, image, input("y", [2, 1, 3, 7])], { axis: 1 }), "[2, 11, 3, 7]"],
    [
      "concat of nine",
      () =>
        ops.concat(
          Array.from({ length: 9 }, () => rows),
          { axis: 0 },
        ),
      "[27, 4]",
    ],
    [
      "slice",
      () => ops.slice(image, { starts: [1, -3], ends: [9, -1], axes: [1, 3], steps: [2, 1] }),
      "[2, 2, 3, 2]",
    ],
    [
      "pad",
      () =>
        ops.pad(rows, {
          pads: [
            [1, 0],
            [0, 2],
          ],
        }),
      "[4, 6]",
    ],
    ["dropout", () => ops.dropout(image), "[2, 5, 3, 7]"],
  ])("%s", (_, body, expected) => {
    expect(shapeOf(body)).toBe(expected);
  });

  test("operators that change nothing return their argument", () => {
    inTrace(() => {
      expect(ops.reshape(image, [2, 5, 3, 7])).toBe(image);
      expect(ops.flatten(rows)).toBe(rows);
      expect(ops.permute(image, [0, 1, 2, 3])).toBe(image);
      expect(ops.slice(image, { starts: [0], ends: [2] })).toBe(image);
      expect(
        ops.pad(rows, {
          pads: [
            [0, 0],
            [0, 0],
          ],
        }),
      ).toBe(rows);
      expect(ops.concat([rows], { axis: 0 })).toBe(rows);
      expect(ops.dropout(image, { p: 0 })).toBe(image);
    });
  });

  test("integers stay integers where they are only moved", () => {
    inTrace(() => {
      const moved = [
        ops.reshape(labels, [3, 1]),
        ops.slice(labels, { starts: [1], ends: [3] }),
        ops.pad(labels, { pads: [[0, 1]], value: -100 }),
        ops.concat([labels, labels], { axis: 0 }),
        ops.permute(input("m", [2, 3], "i32"), [1, 0]),
      ];
      expect(moved.map(({ dtype }) => dtype)).toEqual(moved.map(() => "i32"));
    });
  });
});

describe("refusals", () => {
  test("operands that do not broadcast, integers, numbers without a literal", () => {
    expect(
      refusals(ShapeError, [
        () => scope("head", () => ops.mul(image, input("b", [5]))),
        () => ops.add(labels, 1),
        () => scope("head", () => ops.mean(labels)),
      ]),
    ).toMatchInlineSnapshot(`
      "mul: operands do not broadcast: expected axis -1 of size 7 or 1, got 5
        at    head
        shapes a [2, 5, 3, 7]   b [5]
        fix   make the sizes equal, or reshape one operand so that the axis has size 1
      add: dtype of a: expected f32, got i32
        fix   pass floats; integers serve as class indices and positions only
      mean: dtype of x: expected f32, got i32
        at    head
        fix   pass floats; integers serve as class indices and positions only"
    `);
    expect(
      refusals(OptionError, [
        () => scope("head", () => ops.maximum(image, Number.NEGATIVE_INFINITY)),
        () => ops.mul(1e39, image),
        () => ops.pow(image, Number.NaN),
      ]),
    ).toMatchInlineSnapshot(`
      "maximum: operand: expected a value, or a number that f32 holds, got -Infinity
        at    head
        fix   use a large finite number, such as 3e38 for infinity
      mul: operand: expected a value, or a number that f32 holds, got 1e+39
        fix   use a large finite number, such as 3e38 for infinity
      pow: exponent: expected a finite number, got NaN"
    `);
  });

  test("options of activations", () => {
    expect(
      refusals(OptionError, [
        () => ops.clamp(image, {}),
        () => ops.clamp(image, { min: Number.NEGATIVE_INFINITY }),
        () => ops.gelu(image, { approximate: "sigmoid" as "tanh" }),
        () => ops.softplus(image, { beta: 0 }),
        () => ops.leakyRelu(image, { negativeSlope: Number.POSITIVE_INFINITY }),
        () => ops.dropout(image, { p: 1.5 }),
        () => scope("features.2", () => ops.dropout2d(image, { p: -0.1 })),
      ]),
    ).toMatchInlineSnapshot(`
      "clamp: bounds: expected min, max or both, got neither
      clamp: min: expected a finite number, got -Infinity
      gelu: approximate: expected "none" or "tanh", got sigmoid
      softplus: beta: expected a number other than 0, got 0
      leakyRelu: negativeSlope: expected a finite number, got Infinity
      dropout: p: expected a number from 0 to 1, got 1.5
      dropout2d: p: expected a number from 0 to 1, got -0.1
        at    features.2"
    `);
    expect(
      refusals(ShapeError, [
        () => ops.prelu(image, input("weight", [3])),
        () => ops.prelu(input("line", [3]), input("weight", [3])),
        () => ops.dropout2d(rows),
      ]),
    ).toMatchInlineSnapshot(`
      "prelu: shape of weight: expected [1] or [5], one slope or one a channel, got [3]
        shapes x [2, 5, 3, 7]   weight [3]
        fix   reshape the weight, or change its size to the number of channels
      prelu: shape of weight: expected [1], got [3]
        shapes x [3]   weight [3]
        fix   reshape the weight, or change its size to the number of channels
      dropout2d: rank of x: expected 3 or more ([N, C, …]), got 2
        shapes x [3, 4]
        fix   use dropout, which drops single elements"
    `);
  });

  test("axes", () => {
    expect(
      refusals(ShapeError, [
        () => ops.sum(rows, { axes: [2] }),
        () => ops.softmax(rows, { axis: 0.5 }),
        () => ops.softmax(input("s", [])),
        () => ops.max(input("none", [0, 3])),
        () => ops.flatten(image, { start: 3, end: 1 }),
        () => ops.permute(rows, [0, 0]),
        () => ops.permute(image, [0, 1]),
      ]),
    ).toMatchInlineSnapshot(`
      "sum: axis out of range: expected an integer from -2 to 1 for a value of rank 2, got 2
      softmax: axis out of range: expected an integer from -2 to 1 for a value of rank 2, got 0.5
      softmax: axis of a scalar: expected a value of rank 1 or more, got axis -1 of rank 0
        fix   reshape the value, for example reshape(x, [1])
      max: nothing to reduce: expected at least one element, got x [0, 3]
      flatten: axes in the wrong order: expected start at or before end 1, got start 3
        shapes x [2, 5, 3, 7]
        fix   exchange start and end
      permute: axes: expected each of the 2 axes once, got [0, 0]
        shapes x [3, 4]
        fix   list every axis of x exactly once
      permute: axes: expected each of the 4 axes once, got [0, 1]
        shapes x [2, 5, 3, 7]
        fix   list every axis of x exactly once"
    `);
  });

  test("reshape and concat", () => {
    expect(
      refusals(ShapeError, [
        () => ops.reshape(rows, [5, -1]),
        () => ops.concat([], { axis: 0 }),
        () => ops.concat([image, input("y", [2, 5, 4, 7])], { axis: 1 }),
        () => ops.concat([image, rows], { axis: 1 }),
        () => ops.concat([labels, input("f", [3])], { axis: 0 }),
      ]),
    ).toMatchInlineSnapshot(`
      "reshape: number of elements: expected 12 as in x, with at most one size left as -1, got [5, -1]
        shapes x [3, 4]
        fix   choose sizes whose product is the number of elements
      concat: values: expected at least one, got none
      concat: size of axis 2: expected 3 as the first value, got 4
        shapes v0 [2, 5, 3, 7]   v1 [2, 5, 4, 7]
        fix   values may differ in size along axis 1 only
      concat: ranks: expected 4 as the first value, got 2
        shapes v0 [2, 5, 3, 7]   v1 [3, 4]
        fix   values may differ in size along axis 1 only
      concat: dtypes: expected i32 as the first value, got f32"
    `);
  });

  test("slice and pad", () => {
    expect(
      refusals(ShapeError, [
        () => ops.slice(rows, { starts: [3], ends: [2], axes: [1] }),
        () => ops.slice(rows, { starts: [0], ends: [2], steps: [0] }),
        () => ops.slice(rows, { starts: [0, 0], ends: [2] }),
        () => ops.slice(rows, { starts: [0, 0], ends: [2, 2], axes: [1, -1] }),
        () => ops.pad(image, { pads: [[1, 1]] }),
        () =>
          ops.pad(rows, {
            pads: [
              [-1, 0],
              [0, 0],
            ],
          }),
      ]),
    ).toMatchInlineSnapshot(`
      "slice: range of axis 1: expected a start below the end, within 4 elements, got 3 to 2
        shapes x [3, 4]
        fix   choose a range with at least one element
      slice: steps: expected positive integers, got [0]
        fix   give one number for each axis
      slice: length of ends: expected 2 as axes, got 1
        fix   give one number for each axis
      slice: axes: expected each axis once, got [1, 1]
        fix   give one number for each axis
      pad: pads: expected 4 pairs of whole numbers [before, after], one for each axis, got [[1,1]]
        shapes x [2, 5, 3, 7]
        fix   write [0, 0] for axes that stay
      pad: pads: expected 2 pairs of whole numbers [before, after], one for each axis, got [[-1,0],[0,0]]
        shapes x [3, 4]
        fix   use slice to cut elements off"
    `);
  });
});
