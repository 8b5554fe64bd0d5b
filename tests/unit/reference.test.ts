import { describe, expect, it } from "vitest";
import { centralDifference, checkMagnitudes } from "../reference/check.ts";
import { fillInputs, fillUpstream, sizeOf, tensorOf } from "../reference/tensor.ts";
import type { OpCase, Reference } from "../reference/types.ts";

/** The references of every operator and the list of cases itself. Nothing here runs the engine. */

const files = import.meta.glob<{ cases: OpCase[] }>("../ops/*.ts", { eager: true });
const cases = Object.values(files).flatMap((file) => file.cases);

function byOperator(): Map<string, OpCase[]> {
  const grouped = new Map<string, OpCase[]>();
  for (const test of cases) {
    grouped.set(test.op, [...(grouped.get(test.op) ?? []), test]);
  }
  return grouped;
}

/** Cases an operator must have; 6 where it is not named. */
const required: Readonly<Record<string, number>> = {
  conv2d: 80,
  convTranspose2d: 40,
  batchNorm: 20,
  layerNorm: 20,
  groupNorm: 20,
  instanceNorm: 20,
  maxPool2d: 25,
  avgPool2d: 25,
  adaptiveAvgPool2d: 25,
  globalAvgPool2d: 25,
  globalMaxPool2d: 25,
  crossEntropy: 12,
  nll: 12,
  mse: 12,
  l1: 12,
  huber: 12,
  bceWithLogits: 12,
};

describe("the list of cases", () => {
  it("has enough cases of every operator", () => {
    const grouped = byOperator();
    for (const [op, tests] of grouped) {
      expect.soft(tests.length, op).toBeGreaterThanOrEqual(required[op] ?? 6);
    }
    for (const op of Object.keys(required)) {
      expect.soft(grouped.has(op), op).toBe(true);
    }
    const products = (grouped.get("matmul")?.length ?? 0) + (grouped.get("linear")?.length ?? 0);
    expect(products, "matmul and linear").toBeGreaterThanOrEqual(40);
    expect(cases.length).toBeGreaterThanOrEqual(600);
  });

  it("names every case of an operator differently", () => {
    const names = cases.map((test) => `${test.op}: ${test.name}`);
    const repeated = names.filter((name, i) => names.indexOf(name) !== i);
    expect(repeated).toEqual([]);
  });

  it("keeps arrays small", () => {
    for (const test of cases) {
      for (const [name, spec] of Object.entries(test.inputs)) {
        expect.soft(sizeOf(spec.shape), `${test.op} ${test.name} ${name}`).toBeLessThanOrEqual(6000);
      }
    }
  });
});

/** "one", "two", "depthwise" (one filter a channel) or "multiplier" (several filters a channel). */
function groupKind({ attrs, inputs }: OpCase): string {
  const groups = attrs.groups ?? 1;
  const channels = inputs.x?.shape[1] ?? 0;
  const weight = inputs.weight?.shape ?? [];
  const filters = (attrs.outputPadding === undefined ? weight[0] : (weight[1] ?? 0) * groups) ?? 0;
  if (groups === 1 || groups < channels) {
    return groups === 1 ? "one" : groups === 2 ? "two" : "more";
  }
  return filters === channels ? "depthwise" : "multiplier";
}

describe.each(["conv2d", "convTranspose2d"])("pairs of attributes of %s", (op) => {
  it("all occur: stride, padding, dilation, groups", () => {
    const rows = cases
      .filter((test) => test.op === op && test.name.startsWith("pairs"))
      .map((test) => [
        JSON.stringify(test.attrs.stride),
        JSON.stringify(test.attrs.padding),
        JSON.stringify(test.attrs.dilation),
        groupKind(test),
      ]);
    const levels = [0, 1, 2, 3].map((column) => [...new Set(rows.map((row) => row[column]))]);
    expect(levels.map((values) => values.length)).toEqual([4, 4, 3, 4]);
    for (let first = 0; first < 4; first++) {
      for (let second = first + 1; second < 4; second++) {
        const seen = new Set(rows.map((row) => `${row[first]} & ${row[second]}`));
        const possible = levels[first]!.length * levels[second]!.length;
        expect(seen.size, `columns ${first} and ${second}`).toBe(possible);
      }
    }
  });
});

/** True where the function has a slope: no repeated values under a maximum, no point put on a kink. */
function smooth(test: OpCase): boolean {
  const tied = Object.values(test.inputs).some((spec) => spec.fill === "ties");
  return !tied && !test.name.startsWith("kink");
}

/** `count` cases spread evenly over the list. */
function spread(tests: readonly OpCase[], count: number): OpCase[] {
  const step = Math.max(1, tests.length / count);
  return tests.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));
}

describe("the check itself", () => {
  const inputs = { x: tensorOf([2, 2], [1, -2, 0.5, 3]) };
  const upstream = { y: tensorOf([2, 2], [1, 1, -1, 2]) };
  const cube = (slope: number): Reference => ({
    forward: ({ x }) => ({
      y: tensorOf(
        [2, 2],
        x!.data.map((value) => value ** 3),
      ),
    }),
    backward: ({ x }, _attrs, { y }) => ({
      x: tensorOf(
        [2, 2],
        x!.data.map((value, i) => slope * value ** 2 * y!.data[i]!),
      ),
    }),
  });

  it("passes the right gradient and notices one wrong by a hundred-thousandth", () => {
    expect(centralDifference(cube(3), inputs, {}, upstream).relative).toBeLessThan(1e-9);
    expect(centralDifference(cube(3.00003), inputs, {}, upstream).relative).toBeGreaterThan(5e-6);
  });

  it("does not accept NaN", () => {
    expect(() => centralDifference(cube(Number.NaN), inputs, {}, upstream)).toThrow("magnitude");
  });
});

describe.each([...byOperator()])("reference of %s", (_op, tests) => {
  it("agrees with central differences", () => {
    const small = tests.filter(smooth).filter((test) => {
      const sizes = Object.values(test.inputs).map((spec) => sizeOf(spec.shape));
      return sizes.reduce((sum, size) => sum + size, 0) <= 2000;
    });
    expect(small.length).toBeGreaterThan(0);
    for (const test of spread(small, 20)) {
      const inputs = fillInputs(test);
      const upstream = fillUpstream(test, test.reference.forward(inputs, test.attrs));
      const worst = centralDifference(test.reference, inputs, test.attrs, upstream, undefined, 12);
      expect.soft(worst.relative, `${test.name}: ${JSON.stringify(worst)}`).toBeLessThan(1e-6);
    }
  });

  it("returns finite values and gradients whose magnitudes bound them", () => {
    for (const test of tests) {
      const inputs = fillInputs(test);
      const outputs = test.reference.forward(inputs, test.attrs);
      const gradients = test.reference.backward(inputs, test.attrs, fillUpstream(test, outputs));
      checkMagnitudes(outputs);
      checkMagnitudes(gradients);
    }
  });
});
