import { describe, expect, test } from "vitest";
import { cases as activationCases } from "../ops/activations.ts";
import { cases as bceCases } from "../ops/bce-with-logits.ts";
import { cases as binaryCases } from "../ops/binary.ts";
import { cases as crossEntropyCases } from "../ops/cross-entropy.ts";
import { cases as dropoutCases } from "../ops/dropout.ts";
import { cases as huberCases } from "../ops/huber.ts";
import { cases as l1Cases } from "../ops/l1.ts";
import { cases as linearCases } from "../ops/linear.ts";
import { cases as matmulCases } from "../ops/matmul.ts";
import { cases as mseCases } from "../ops/mse.ts";
import { cases as nllCases } from "../ops/nll.ts";
import { cases as reduceCases } from "../ops/reduce.ts";
import { cases as shapeCases } from "../ops/shape.ts";
import { cases as softmaxCases } from "../ops/softmax.ts";
import { cases as unaryOpCases } from "../ops/unary.ts";
import * as binary from "../reference/binary.ts";
import { centralDifference, checkMagnitudes } from "../reference/check.ts";
import * as drop from "../reference/dropout.ts";
import * as loss from "../reference/loss.ts";
import * as matrix from "../reference/matmul.ts";
import * as pointwise from "../reference/pointwise.ts";
import * as reduce from "../reference/reduce.ts";
import * as shape from "../reference/shape.ts";
import { logSoftmax, softmax } from "../reference/softmax.ts";
import { differentiable, fillInputs, fillUpstream, tensorOf } from "../reference/tensor.ts";
import type { Attrs, OpCase, Reference, Tensors } from "../reference/types.ts";

const cases: OpCase[] = [
  ...activationCases,
  ...bceCases,
  ...binaryCases,
  ...crossEntropyCases,
  ...dropoutCases,
  ...huberCases,
  ...l1Cases,
  ...linearCases,
  ...matmulCases,
  ...mseCases,
  ...nllCases,
  ...reduceCases,
  ...shapeCases,
  ...softmaxCases,
  ...unaryOpCases,
];

const operators = [...new Set(cases.map(({ op }) => op))];
const losses = ["crossEntropy", "nll", "mse", "l1", "huber", "bceWithLogits"];

describe.each(operators)("%s", (op) => {
  const own = cases.filter((one) => one.op === op);

  test("has enough cases, no two of one name", () => {
    expect(own.length).toBeGreaterThanOrEqual(losses.includes(op) ? 12 : 6);
    expect(new Set(own.map(({ name }) => name)).size).toBe(own.length);
  });

  test.each(own.map((one) => [one.name, one] as const))("%s", (name, one) => {
    const inputs = fillInputs(one);
    const outputs = one.reference.forward(inputs, one.attrs);
    const upstream = fillUpstream(one, outputs);
    const gradients = one.reference.backward(inputs, one.attrs, upstream);
    checkMagnitudes(outputs);
    checkMagnitudes(gradients);
    expect(Object.keys(gradients).sort()).toEqual(differentiable(one).sort());
    // At a kink the slope is a convention, which no difference can show: the literals below fix it.
    if (!name.includes("kink")) {
      const worst = centralDifference(one.reference, inputs, one.attrs, upstream, 1e-4, 12);
      expect(worst.relative, JSON.stringify(worst)).toBeLessThan(1e-6);
    }
  });
});

type Literal = readonly number[] | readonly (readonly number[])[];

/** A tensor from a row or from rows of numbers. */
function literal(values: Literal): Tensors[string] {
  const rows = values.map((row) => (typeof row === "number" ? [row] : row));
  const isMatrix = typeof values[0] !== "number";
  return tensorOf(isMatrix ? [rows.length, rows[0]?.length ?? 0] : [rows.length], rows.flat());
}

const tensors = (given: Record<string, Literal>): Tensors =>
  Object.fromEntries(Object.entries(given).map(([name, values]) => [name, literal(values)]));

function expectNumbers(got: Tensors[string] | undefined, want: readonly number[]): void {
  expect(got?.data.length).toBe(want.length);
  want.forEach((value, i) => {
    expect(got?.data[i]).toBeCloseTo(value, 12);
  });
}

/** Output of one reference with one output. */
function forward(reference: Reference, inputs: Record<string, Literal>, attrs: Attrs = {}): Tensors[string] {
  return Object.values(reference.forward(tensors(inputs), attrs))[0] as Tensors[string];
}

/** Gradients for an upstream gradient of 1 in every output. */
function gradients(reference: Reference, inputs: Record<string, Literal>, attrs: Attrs = {}): Tensors {
  const given = tensors(inputs);
  const upstream = Object.entries(reference.forward(given, attrs)).map(
    ([name, output]) =>
      [
        name,
        tensorOf(
          output.shape,
          output.data.map(() => 1),
        ),
      ] as const,
  );
  return reference.backward(given, attrs, Object.fromEntries(upstream));
}

describe("slopes at kinks, as PyTorch takes them", () => {
  test.each<[name: string, reference: Reference, x: number[], slopes: number[], attrs: Attrs]>([
    ["relu", pointwise.relu, [0, -1, 2], [0, 0, 1], {}],
    ["leakyRelu", pointwise.leakyRelu, [0, -1, 2], [0.25, 0.25, 1], { negativeSlope: 0.25 }],
    ["elu", pointwise.elu, [0, 2], [0.5, 1], { alpha: 0.5 }],
    ["selu", pointwise.selu, [0, 2], [1.7580993408473766, 1.0507009873554805], {}],
    ["hardswish", pointwise.hardswish, [-4, -3, 0, 3, 4], [0, 0, 0.5, 1, 1], {}],
    ["hardsigmoid", pointwise.hardsigmoid, [-4, -3, 0, 3, 4], [0, 0, 1 / 6, 0, 0], {}],
    ["abs", pointwise.abs, [-2, 0, 2], [-1, 0, 1], {}],
    ["clamp", pointwise.clamp, [-2, -1, 0, 1, 2], [0, 1, 1, 1, 0], { min: -1, max: 1 }],
    ["pow 0", binary.pow, [0, -1, 2], [0, 0, 0], { b: 0 }],
    ["pow 1", binary.pow, [0, -1], [1, 1], { b: 1 }],
    ["max of three equal", reduce.max, [2, 1, 2, 2], [1 / 3, 0, 1 / 3, 1 / 3], {}],
  ])("%s", (_name, reference, x, slopes, attrs) => {
    const name = reference === binary.pow ? "a" : "x";
    expectNumbers(gradients(reference, { [name]: x }, attrs)[name], slopes);
  });

  test("prelu at 0 takes the weight's branch", () => {
    const { x, weight } = gradients(pointwise.prelu, { x: [0, -2, 3], weight: [0.25] });
    expectNumbers(x, [0.25, 0.25, 1]);
    expectNumbers(weight, [-2]);
  });

  test("minimum and maximum halve a tie", () => {
    const low = gradients(binary.minimum, { a: [1, 2, 3], b: [1, 3, 2] });
    expectNumbers(low.a, [0.5, 1, 0]);
    expectNumbers(low.b, [0.5, 0, 1]);
    const high = gradients(binary.maximum, { a: [1, 2, 3], b: [1, 3, 2] });
    expectNumbers(high.a, [0.5, 0, 1]);
    expectNumbers(high.b, [0.5, 1, 0]);
  });

  test("l1 has slope 0 where equal", () => {
    const { x, y } = gradients(loss.l1, { x: [1, 2, 3], y: [1, 3, 2] }, { reduction: "sum" });
    expectNumbers(x, [0, -1, 1]);
    expectNumbers(y, [0, 1, -1]);
  });
});

describe("values worked out by hand", () => {
  test("erf", () => {
    expect(pointwise.erf(0)).toBe(0);
    expect(pointwise.erf(0.5)).toBeCloseTo(0.5204998778130465, 14);
    expect(pointwise.erf(-1)).toBeCloseTo(-0.8427007929497149, 14);
    expect(pointwise.erf(3)).toBeCloseTo(0.9999779095030014, 14);
    expect(pointwise.erf(7)).toBe(1);
  });

  test("smooth functions at 0 and 1", () => {
    const e = Math.E;
    expectNumbers(forward(pointwise.sigmoid, { x: [0, 1] }), [0.5, e / (e + 1)]);
    expectNumbers(forward(pointwise.silu, { x: [0, 1] }), [0, e / (e + 1)]);
    expectNumbers(forward(pointwise.softplus, { x: [0, 21] }), [Math.LN2, 21]);
    expectNumbers(forward(pointwise.mish, { x: [0] }), [0]);
    expectNumbers(forward(pointwise.gelu, { x: [0, 1] }), [0, 0.8413447460685429]);
    expectNumbers(forward(pointwise.gelu, { x: [1] }, { approximate: "tanh" }), [0.8411919906082768]);
    expectNumbers(forward(pointwise.hardswish, { x: [1, -1] }), [2 / 3, -1 / 3]);
    expectNumbers(forward(pointwise.elu, { x: [-1, 1] }, { alpha: 2 }), [2 / e - 2, 1]);
  });

  test("matmul and linear", () => {
    const a = [
      [1, 2],
      [3, 4],
    ];
    const b = [
      [5, 6],
      [7, 8],
    ];
    expectNumbers(forward(matrix.matmul, { a, b }), [19, 22, 43, 50]);
    expectNumbers(forward(matrix.matmul, { a, b }, { transposeA: true }), [26, 30, 38, 44]);
    expectNumbers(forward(matrix.matmul, { a, b }, { transposeB: true }), [17, 23, 39, 53]);
    expectNumbers(forward(matrix.linear, { x: a, weight: b, bias: [1, -1] }), [18, 22, 40, 52]);
    expectNumbers(gradients(matrix.linear, { x: a, weight: b, bias: [1, -1] }).bias, [2, 2]);
  });

  test("magnitudes are sums of absolute terms", () => {
    const y = forward(matrix.matmul, { a: [[1, -2]], b: [[3], [4]] });
    expectNumbers(y, [-5]);
    expect(y.magnitude?.[0]).toBe(11);
    expect(forward(binary.sub, { a: [3], b: [2] }).magnitude?.[0]).toBe(5);
    expect(forward(reduce.mean, { x: [4, -2] }).magnitude?.[0]).toBe(3);
  });

  test("softmax and logSoftmax", () => {
    const x = [[0, Math.log(3)]];
    expectNumbers(forward(softmax, { x }), [0.25, 0.75]);
    expectNumbers(forward(logSoftmax, { x }), [-Math.log(4), Math.log(0.75)]);
  });

  test("concat, slice, pad and permute", () => {
    const x = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    expectNumbers(forward(shape.permute, { x }, { axes: [1, 0] }), [1, 4, 2, 5, 3, 6]);
    expectNumbers(
      forward(shape.slice, { x }, { starts: [0], ends: [3], axes: [-1], steps: [2] }),
      [1, 3, 4, 6],
    );
    expectNumbers(forward(shape.pad, { x: [1, 2] }, { pads: [[1, 2]], value: 9 }), [9, 1, 2, 9, 9]);
    expectNumbers(forward(shape.concat, { x0: x, x1: [[7], [8]] }, { axis: 1 }), [1, 2, 3, 7, 4, 5, 6, 8]);
  });
});

describe("dropout", () => {
  const ones = tensorOf([2, 3, 10, 20], new Array<number>(1200).fill(1));

  test("keeps a share of 1 - p, each divided by that share", () => {
    const y = drop.dropout.forward({ x: ones }, { p: 0.25 }).y;
    const kept = y?.data.filter((value) => value !== 0) ?? [];
    expect(new Set(kept)).toEqual(new Set([4 / 3]));
    // Four standard deviations of 1200 draws.
    expect(Math.abs(kept.length / 1200 - 0.75)).toBeLessThan(0.05);
  });

  test("dropout2d keeps or drops whole channels", () => {
    const y = drop.dropout2d.forward({ x: ones }, { p: 0.5 }).y;
    const planes = Array.from({ length: 6 }, (_, i) => new Set(y?.data.slice(i * 200, (i + 1) * 200)));
    expect(planes.map((plane) => plane.size)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(new Set(planes.flatMap((plane) => [...plane]))).toEqual(new Set([0, 2]));
  });

  test("changes nothing in evaluation, or with p 0", () => {
    expect(drop.dropout.forward({ x: ones }, { p: 0.5, training: false }).y?.data).toEqual(ones.data);
    expect(drop.dropout2d.forward({ x: ones }, { p: 0 }).y?.data).toEqual(ones.data);
  });
});

describe("losses worked out by hand", () => {
  // Probabilities 1/4 and 3/4, then 1/2 and 1/2.
  const logits = [
    [0, Math.log(3)],
    [0, 0],
  ];
  const [log4, log2, log43] = [Math.log(4), Math.LN2, Math.log(4 / 3)];

  test("crossEntropy of indices", () => {
    const target = [0, 1];
    expectNumbers(forward(loss.crossEntropy, { logits, target }), [(log4 + log2) / 2]);
    expectNumbers(gradients(loss.crossEntropy, { logits, target }).logits, [-3 / 8, 3 / 8, 1 / 4, -1 / 4]);
  });

  test("the weighted mean divides by the weights of the labels", () => {
    const given = { logits, target: [0, 1], weight: [3, 1] };
    expectNumbers(forward(loss.crossEntropy, given), [(3 * log4 + log2) / 4]);
    expectNumbers(forward(loss.nll, { logProbs: logits, target: [1, 0], weight: [3, 1] }), [
      -Math.log(3) / 4,
    ]);
  });

  test("smoothing spreads over every class, by the weight of each", () => {
    const given = { logits, target: [0, 1], weight: [3, 1] };
    const first = 0.8 * 3 * log4 + 0.1 * (3 * log4 + log43);
    const second = 0.8 * log2 + 0.1 * 4 * log2;
    expectNumbers(forward(loss.crossEntropy, given, { labelSmoothing: 0.2 }), [(first + second) / 4]);
  });

  test("ignored positions count in neither sum, and have no gradient", () => {
    const given = { logits, target: [-100, 1] };
    expectNumbers(forward(loss.crossEntropy, given, { labelSmoothing: 0.2 }), [log2]);
    expectNumbers(gradients(loss.crossEntropy, given).logits, [0, 0, 0.5, -0.5]);
    expectNumbers(forward(loss.crossEntropy, given, { reduction: "none" }), [0, log2]);
  });

  test("crossEntropy of probabilities divides by the batch, whatever the weights", () => {
    const target = [
      [0.5, 0.5],
      [1, 0],
    ];
    const given = { logits, target, weight: [3, 1] };
    expectNumbers(forward(loss.crossEntropy, given), [(1.5 * log4 + 0.5 * log43 + 3 * log2) / 2]);
    expectNumbers(gradients(loss.crossEntropy, given).target, [1.5 * log4, log43 / 2, 1.5 * log2, log2 / 2]);
  });

  test("mse, l1, huber", () => {
    const given = { x: [1, 5], y: [0, 2] };
    expectNumbers(forward(loss.mse, given), [5]);
    expectNumbers(forward(loss.l1, given), [2]);
    expectNumbers(forward(loss.huber, given, { delta: 2, reduction: "none" }), [0.5, 4]);
    expectNumbers(gradients(loss.huber, given, { delta: 2, reduction: "sum" }).x, [1, 2]);
  });

  test("bceWithLogits", () => {
    const given = { x: [0, Math.log(3)], y: [1, 0.5], weight: [2, 1], posWeight: [3] };
    const second = (3 * log43 + log4) / 2;
    expectNumbers(forward(loss.bceWithLogits, given, { reduction: "none" }), [6 * log2, second]);
    expectNumbers(forward(loss.bceWithLogits, { x: given.x, y: given.y }), [(log2 + (log43 + log4) / 2) / 2]);
  });
});
