import { describe, expect, it } from "vitest";
import { conv2dReference, convTranspose2dReference } from "../reference/conv.ts";
import {
  batchNormReference,
  groupNormReference,
  instanceNormReference,
  layerNormReference,
} from "../reference/norm.ts";
import {
  adaptiveAvgPool2dReference,
  avgPool2dReference,
  globalAvgPool2dReference,
  globalMaxPool2dReference,
  maxPool2dReference,
} from "../reference/pool.ts";
import { need, Random, seedOf, tensorOf } from "../reference/tensor.ts";
import type { Attrs, Reference, Tensors } from "../reference/types.ts";
import { upsampleNearestReference } from "../reference/upsample.ts";

/** The references of the spatial operators against numbers worked out by hand. */

/** Plain nested numbers as a tensor. */
type Nested = number | readonly Nested[];

function tensor(nested: Nested): Tensors[string] {
  const shape: number[] = [];
  for (let level = nested; typeof level !== "number"; level = level[0]!) {
    shape.push(level.length);
  }
  return tensorOf(shape, numbersOf(nested));
}

function numbersOf(nested: Nested): number[] {
  return typeof nested === "number" ? [nested] : nested.flatMap(numbersOf);
}

function tensors(record: Readonly<Record<string, Nested>>): Tensors {
  return Object.fromEntries(Object.entries(record).map(([name, nested]) => [name, tensor(nested)]));
}

function forward(reference: Reference, inputs: Record<string, Nested>, attrs: Attrs = {}): Tensors {
  return reference.forward(tensors(inputs), attrs);
}

function backward(
  reference: Reference,
  inputs: Record<string, Nested>,
  dy: Nested,
  attrs: Attrs = {},
): Tensors {
  return reference.backward(tensors(inputs), attrs, tensors({ y: dy }));
}

function expectNumbers(
  actual: Tensors,
  name: string,
  shape: readonly number[],
  values: readonly number[],
): void {
  const { shape: got, data } = need(actual, name);
  expect(got).toEqual(shape);
  values.forEach((value, i) => {
    expect(data[i], `${name}[${i}]`).toBeCloseTo(value, 10);
  });
  expect(data.length).toBe(values.length);
}

const square = [
  [
    [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ],
  ],
];

describe("conv2d", () => {
  it("correlates without turning the kernel", () => {
    const y = forward(conv2dReference, {
      x: square,
      weight: [
        [
          [
            [1, 2],
            [3, 4],
          ],
        ],
      ],
      bias: [10],
    });
    // 1·1 + 2·2 + 3·4 + 4·5 = 37
    expectNumbers(y, "y", [1, 1, 2, 2], [47, 57, 77, 87]);
  });

  it("pads each side by its own amount", () => {
    const padding = { top: 1, left: 0, bottom: 0, right: 0 };
    const y = forward(
      conv2dReference,
      {
        x: square,
        weight: [
          [
            [
              [1, 2],
              [3, 4],
            ],
          ],
        ],
      },
      { padding, stride: 2 },
    );
    // Rows −1 and 1, columns 0: row −1 is padding, so 3·1 + 4·2; then 1·4 + 2·5 + 3·7 + 4·8.
    expectNumbers(y, "y", [1, 1, 2, 1], [11, 67]);
  });

  it("keeps groups apart and spreads taps by the dilation", () => {
    const x = [[[[1, 2, 3]], [[10, 20, 30]]]];
    const weight = [[[[1, -1]]], [[[2, 1]]]];
    const y = forward(conv2dReference, { x, weight }, { groups: 2, dilation: [1, 2] });
    expectNumbers(y, "y", [1, 2, 1, 1], [1 - 3, 20 + 30]);
  });

  it("sends gradients back along the same products", () => {
    const inputs = { x: [[[[1, 2, 3]]]], weight: [[[[5, 7]]]], bias: [0] };
    const gradients = backward(conv2dReference, inputs, [[[[1, 10]]]]);
    expectNumbers(gradients, "x", [1, 1, 1, 3], [5, 7 + 50, 70]);
    expectNumbers(gradients, "weight", [1, 1, 1, 2], [1 + 20, 2 + 30]);
    expectNumbers(gradients, "bias", [1], [11]);
  });
});

describe("convTranspose2d", () => {
  it("stamps the kernel, cuts the padding, adds rows at the end", () => {
    const inputs = { x: [[[[1, 2]]]], weight: [[[[1, 10, 100]]]], bias: [0.5] };
    const whole = forward(convTranspose2dReference, inputs, { stride: [1, 2] });
    expectNumbers(whole, "y", [1, 1, 1, 5], [1.5, 10.5, 102.5, 20.5, 200.5]);
    const cut = forward(convTranspose2dReference, inputs, {
      stride: [1, 2],
      padding: [0, 1],
      outputPadding: [0, 1],
    });
    expectNumbers(cut, "y", [1, 1, 1, 4], [10.5, 102.5, 20.5, 200.5]);
  });

  it("lays weight out as [inputs, outputs of the group]", () => {
    const inputs = {
      x: [[[[1]], [[2]]]],
      weight: [
        [[[1]], [[10]]],
        [[[3]], [[5]]],
      ],
    };
    expectNumbers(forward(convTranspose2dReference, inputs), "y", [1, 2, 1, 1], [1 + 6, 10 + 10]);
    const grouped = forward(convTranspose2dReference, inputs, { groups: 2 });
    expectNumbers(grouped, "y", [1, 4, 1, 1], [1, 10, 6, 10]);
  });
});

describe("norms", () => {
  const eps = 0;

  it("batchNorm normalises by the biased variance and keeps the unbiased one", () => {
    const inputs = {
      x: [
        [1, 0],
        [3, 4],
      ],
      weight: [2, 1],
      bias: [0, 5],
      runningMean: [1, 0],
      runningVar: [1, 2],
      numBatchesTracked: [4],
    };
    const y = forward(batchNormReference, inputs, { eps });
    expectNumbers(y, "y", [2, 2], [-2, 4, 2, 6]);
    // Means 2 and 2, unbiased variances 2 and 8.
    expectNumbers(y, "runningMean", [2], [0.9 + 0.2, 0.2]);
    expectNumbers(y, "runningVar", [2], [0.9 + 0.2, 1.8 + 0.8]);
    expectNumbers(y, "numBatchesTracked", [1], [5]);
    const cumulative = forward(batchNormReference, inputs, { eps, momentum: null });
    expectNumbers(cumulative, "runningVar", [2], [0.8 + 0.4, 1.6 + 1.6]);
  });

  it("batchNorm uses running statistics in evaluation and leaves them alone", () => {
    const inputs = { x: [[1], [3]], runningMean: [5], runningVar: [4] };
    const y = forward(batchNormReference, inputs, { eps, training: false });
    expectNumbers(y, "y", [2, 1], [-2, -1]);
    expectNumbers(y, "runningMean", [1], [5]);
    expectNumbers(y, "runningVar", [1], [4]);
    const gradients = backward(batchNormReference, inputs, [[1], [3]], { eps, training: false });
    expectNumbers(gradients, "x", [2, 1], [0.5, 1.5]);
  });

  it("batchNorm's gradient is orthogonal to constants and to x", () => {
    // x̂ = −√1.5, 0, √1.5; dy = 0, 3, 0: mean 1, mean(dy·x̂) 0, so dx = rstd·(−1, 2, −1) with rstd = √1.5.
    const gradients = backward(batchNormReference, { x: [[0], [1], [2]] }, [[0], [3], [0]], { eps });
    expectNumbers(gradients, "x", [3, 1], [-Math.sqrt(1.5), 2 * Math.sqrt(1.5), -Math.sqrt(1.5)]);
  });

  it("layerNorm scales each position by its own weight", () => {
    const inputs = {
      x: [
        [1, 3],
        [0, 8],
      ],
      weight: [1, 2],
      bias: [0, 1],
    };
    expectNumbers(
      forward(layerNormReference, inputs, { eps, normalizedShape: [2] }),
      "y",
      [2, 2],
      [-1, 3, -1, 3],
    );
  });

  it("groupNorm shares statistics over neighbouring channels", () => {
    const x = [[[1], [3], [10], [30]]];
    expectNumbers(forward(groupNormReference, { x }, { eps, groups: 2 }), "y", [1, 4, 1], [-1, 1, -1, 1]);
    const weighted = forward(groupNormReference, { x, weight: [1, 2, 3, 4] }, { eps, groups: 2 });
    expectNumbers(weighted, "y", [1, 4, 1], [-1, 2, -3, 4]);
  });

  it("instanceNorm averages statistics over examples for the running ones", () => {
    const inputs = { x: [[[1, 3]], [[0, 8]]], runningMean: [0], runningVar: [0] };
    const y = forward(instanceNormReference, inputs, { eps, momentum: 0.5 });
    expectNumbers(y, "y", [2, 1, 2], [-1, 1, -1, 1]);
    expectNumbers(y, "runningMean", [1], [0.5 * 3]);
    // Unbiased variances 2 and 32.
    expectNumbers(y, "runningVar", [1], [0.5 * 17]);
  });
});

describe("pools", () => {
  it("maxPool2d gives the gradient of a tie to the first maximum", () => {
    const x = [
      [
        [
          [1, 5],
          [5, 2],
        ],
      ],
    ];
    expectNumbers(forward(maxPool2dReference, { x }, { kernel: 2 }), "y", [1, 1, 1, 1], [5]);
    expectNumbers(
      backward(maxPool2dReference, { x }, [[[[3]]]], { kernel: 2 }),
      "x",
      [1, 1, 2, 2],
      [0, 3, 0, 0],
    );
  });

  it("maxPool2d ignores padding, even where every element is negative", () => {
    const y = forward(
      maxPool2dReference,
      { x: [[[[-4, -3]]]] },
      { kernel: [1, 2], stride: 1, padding: [0, 1] },
    );
    expectNumbers(y, "y", [1, 1, 1, 3], [-4, -3, -3]);
  });

  it("maxPool2d skips with dilation and keeps a last short window in ceil mode", () => {
    const x = [[[[1, 9, 3, 8, 5]]]];
    const dilated = forward(maxPool2dReference, { x }, { kernel: [1, 2], stride: 1, dilation: [1, 2] });
    expectNumbers(dilated, "y", [1, 1, 1, 3], [3, 9, 5]);
    expectNumbers(
      forward(maxPool2dReference, { x }, { kernel: [1, 2], stride: [1, 2] }),
      "y",
      [1, 1, 1, 2],
      [9, 8],
    );
    const ceil = forward(maxPool2dReference, { x }, { kernel: [1, 2], stride: [1, 2], ceilMode: true });
    expectNumbers(ceil, "y", [1, 1, 1, 3], [9, 8, 5]);
  });

  it("avgPool2d counts padding when asked, overhang never", () => {
    const x = [[[[6, 12, 18, 24]]]];
    const attrs = { kernel: [1, 3], stride: [1, 2], padding: [0, 1], ceilMode: true };
    // Windows: padding 6 12 | 12 18 24 | 24 padding overhang.
    expectNumbers(forward(avgPool2dReference, { x }, attrs), "y", [1, 1, 1, 3], [6, 18, 12]);
    const without = forward(avgPool2dReference, { x }, { ...attrs, countIncludePad: false });
    expectNumbers(without, "y", [1, 1, 1, 3], [9, 18, 24]);
    const gradients = backward(avgPool2dReference, { x }, [[[[3, 6, 4]]]], attrs);
    expectNumbers(gradients, "x", [1, 1, 1, 4], [1, 1 + 2, 2, 2 + 2]);
  });

  it("adaptiveAvgPool2d lets neighbouring windows overlap", () => {
    const x = [[[[1, 2, 3, 4, 5]]]];
    // Columns 0-1, 1-3, 3-4.
    expectNumbers(
      forward(adaptiveAvgPool2dReference, { x }, { outputSize: [1, 3] }),
      "y",
      [1, 1, 1, 3],
      [1.5, 3, 4.5],
    );
  });

  it("global pools drop or keep the spatial axes", () => {
    const x = [
      [
        [
          [1, 3],
          [5, 7],
        ],
        [
          [2, 2],
          [2, 2],
        ],
      ],
    ];
    expectNumbers(forward(globalAvgPool2dReference, { x }), "y", [1, 2], [4, 2]);
    expectNumbers(forward(globalMaxPool2dReference, { x }, { keepDims: true }), "y", [1, 2, 1, 1], [7, 2]);
    const gradients = backward(globalMaxPool2dReference, { x }, [[1, 5]]);
    expectNumbers(gradients, "x", [1, 2, 2, 2], [0, 0, 0, 1, 5, 0, 0, 0]);
  });
});

describe("upsampleNearest", () => {
  it("repeats elements and sums their gradients", () => {
    const x = [[[[1, 2]]]];
    const y = forward(upsampleNearestReference, { x }, { scale: [2, 3] });
    expectNumbers(y, "y", [1, 1, 2, 6], [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2]);
    const dy = [
      [
        [
          [1, 1, 1, 2, 2, 2],
          [1, 1, 1, 2, 2, 2],
        ],
      ],
    ];
    expectNumbers(
      backward(upsampleNearestReference, { x }, dy, { scale: [2, 3] }),
      "x",
      [1, 1, 1, 2],
      [6, 12],
    );
  });
});

describe("seeded numbers", () => {
  it("are the same on every run and differ by name", () => {
    const draw = (name: string): number[] =>
      Array.from({ length: 4 }, () => new Random(seedOf(name)).uniform());
    expect(draw("a")).toEqual(draw("a"));
    expect(draw("a")).not.toEqual(draw("b"));
  });

  it("have mean 0 and deviation 1 when normal", () => {
    const random = new Random(seedOf("normal"));
    const values = Array.from({ length: 20000 }, () => random.normal());
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  });
});
