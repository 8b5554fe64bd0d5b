import { globalAvgPool2d, globalMaxPool2d } from "../../src/ops/index.ts";
import { globalAvgPool2dReference, globalMaxPool2dReference } from "../reference/pool.ts";
import { need } from "../reference/tensor.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";

type Fill = Omit<InputSpec, "shape">;

function averageCase(shape: readonly number[], keepDims: boolean | undefined, fill: Fill = {}): OpCase {
  return {
    op: "globalAvgPool2d",
    name: `${shape.join("x")} keepDims ${keepDims} ${JSON.stringify(fill)}`,
    inputs: { x: { shape, ...fill } },
    attrs: keepDims === undefined ? {} : { keepDims },
    run: (values, attrs) => ({ y: globalAvgPool2d(need(values, "x"), attrs) }),
    reference: globalAvgPool2dReference,
  };
}

function maximumCase(shape: readonly number[], keepDims: boolean | undefined, fill: Fill): OpCase {
  return {
    op: "globalMaxPool2d",
    name: `${shape.join("x")} keepDims ${keepDims} ${JSON.stringify(fill)}`,
    inputs: { x: { shape, ...fill } },
    attrs: keepDims === undefined ? {} : { keepDims },
    run: (values, attrs) => ({ y: globalMaxPool2d(need(values, "x"), attrs) }),
    reference: globalMaxPool2dReference,
  };
}

const shapes = [
  [2, 5, 7, 5],
  [3, 4, 4, 4],
  [1, 1, 11, 7],
  [2, 8, 1, 1],
  [5, 3, 1, 13],
  [2, 17, 5, 1],
  [1, 16, 7, 7],
  [3, 7, 2, 2],
  [1, 12, 17, 19],
] as const;

const averages: OpCase[] = [
  ...shapes.flatMap((shape) => [averageCase(shape, undefined), averageCase(shape, true)]),
  averageCase(shapes[0], false),
  averageCase(shapes[0], undefined, { shift: 100 }),
  averageCase(shapes[0], undefined, { scale: 1e3 }),
  averageCase(shapes[0], true, { scale: 1e-3 }),
  averageCase(shapes[1], undefined, { fill: "uniform", low: 0, high: 1 }),
  averageCase(shapes[8], undefined, { fill: "uniform", low: 0, high: 1 }),
  averageCase(shapes[8], true, { shift: 100 }),
];

const maxima: OpCase[] = [
  ...shapes.flatMap((shape) => [
    maximumCase(shape, undefined, { fill: "distinct" }),
    maximumCase(shape, true, { fill: "ties" }),
  ]),
  maximumCase(shapes[0], false, { fill: "distinct" }),
  maximumCase(shapes[0], undefined, { fill: "ties" }),
  maximumCase(shapes[1], undefined, { fill: "ties" }),
  maximumCase(shapes[8], undefined, { fill: "ties" }),
  maximumCase(shapes[0], true, { fill: "distinct", shift: 100 }),
  maximumCase(shapes[1], undefined, { fill: "distinct", shift: -100 }),
  maximumCase(shapes[2], undefined, { fill: "distinct", shift: -100, scale: 10 }),
];

export const cases: OpCase[] = [...averages, ...maxima];
