import { concat, flatten, pad, permute, reshape, slice } from "../../src/ops/index.ts";
import { type UnaryPlan, unaryCases } from "../reference/case-builders.ts";
import * as reference from "../reference/shape.ts";
import type { Attrs, InputSpec, OpCase } from "../reference/types.ts";

const five: InputSpec = { shape: [2, 5, 3, 7] };
const eight: InputSpec = { shape: [2, 8, 3, 4] };
const three: InputSpec = { shape: [2, 3, 5] };
const matrix: InputSpec = { shape: [3, 4] };
const line: InputSpec = { shape: [17] };

const flattens: UnaryPlan[] = [
  ["5 channels", five],
  ["8 channels", eight],
  ["from axis 0", five, { start: 0 }],
  ["space only", five, { start: 2 }],
  ["channels and height", eight, { start: 1, end: 2 }],
  ["batch and channels", five, { start: 0, end: 1 }],
  ["nothing to do", matrix],
  ["negative start", three, { start: -2 }],
];

const reshapes: UnaryPlan[] = [
  ["5 channels to rank 2", five, { shape: [2, 105] }],
  ["the rest by -1", eight, { shape: [2, -1] }],
  ["to other channels", five, { shape: [2, 3, 5, 7] }],
  ["8 channels to 4", eight, { shape: [2, 4, 6, -1] }],
  ["to one axis", three, { shape: [-1] }],
  ["rank 2 to rank 4", { shape: [6, 20] }, { shape: [2, 3, 5, 4] }],
  ["rank 1 to rank 2", line, { shape: [1, 17] }],
  ["one element", { shape: [1] }, { shape: [1, 1, 1, 1] }],
  ["same shape", five, { shape: [2, 5, 3, 7] }],
];

const permutes: UnaryPlan[] = [
  ["channels last", five, { axes: [0, 2, 3, 1] }],
  ["channels first", eight, { axes: [0, 3, 1, 2] }],
  ["space swapped", five, { axes: [0, 1, 3, 2] }],
  ["batch and channels swapped", five, { axes: [1, 0, 2, 3] }],
  ["reversed", eight, { axes: [3, 2, 1, 0] }],
  ["rank 3", three, { axes: [2, 0, 1] }],
  ["transposed", matrix, { axes: [1, 0] }],
  ["identity", five, { axes: [0, 1, 2, 3] }],
  ["rank 1", line, { axes: [0] }],
];

const slices: UnaryPlan[] = [
  ["channels inside", five, { starts: [1], ends: [4], axes: [1] }],
  ["last 4 of 8 channels", eight, { starts: [4], ends: [8], axes: [1] }],
  ["channels 2 to 7 of 8", eight, { starts: [2], ends: [7], axes: [1] }],
  ["window", five, { starts: [1, 2], ends: [3, 6], axes: [2, 3] }],
  ["every second column", five, { starts: [0], ends: [7], axes: [3], steps: [2] }],
  ["every second channel", eight, { starts: [1], ends: [8], axes: [1], steps: [2] }],
  ["axes by default", five, { starts: [1, 0, 1], ends: [2, 5, 3] }],
  ["positions from the end", five, { starts: [-3], ends: [-1], axes: [-1] }],
  ["end beyond the extent", matrix, { starts: [1], ends: [100], axes: [1] }],
  ["every third of 17", line, { starts: [1], ends: [17], steps: [3] }],
  ["one element", line, { starts: [16], ends: [17] }],
];

const none = [0, 0];
const pads: UnaryPlan[] = [
  ["space", five, { pads: [none, none, [1, 2], [2, 1]] }],
  ["space of 8 channels", eight, { pads: [none, none, [1, 1], [0, 3]] }],
  ["channels", five, { pads: [none, [0, 3], none, none] }],
  ["channels on both sides", eight, { pads: [none, [1, 2], none, none] }],
  ["batch", five, { pads: [[1, 1], none, none, none] }],
  ["with 1.5", five, { pads: [none, [1, 0], [1, 1], [1, 1]], value: 1.5 }],
  [
    "rank 2 with -2",
    matrix,
    {
      pads: [
        [1, 0],
        [0, 2],
      ],
      value: -2,
    },
  ],
  ["rank 1", line, { pads: [[3, 4]] }],
  ["nothing to do", five, { pads: [none, none, none, none] }],
];

function concatCase(name: string, axis: number, shapes: readonly (readonly number[])[]): OpCase {
  return {
    op: "concat",
    name,
    inputs: Object.fromEntries(shapes.map((shape, i) => [`x${i}`, { shape }])),
    attrs: { axis },
    run: (values, attrs: Attrs) => ({
      y: concat(
        shapes.map((_, i) => values[`x${i}`]!),
        attrs,
      ),
    }),
    reference: reference.concat,
  };
}

export const cases: OpCase[] = [
  ...unaryCases("flatten", flatten, reference.flatten, flattens),
  ...unaryCases("reshape", (x, attrs) => reshape(x, attrs.shape), reference.reshape, reshapes),
  ...unaryCases("permute", (x, attrs) => permute(x, attrs.axes), reference.permute, permutes),
  ...unaryCases("slice", slice, reference.slice, slices),
  ...unaryCases("pad", pad, reference.pad, pads),
  concatCase("8 and 8 channels", 1, [
    [2, 8, 3, 4],
    [2, 8, 3, 4],
  ]),
  concatCase("5 and 8 channels", 1, [
    [2, 5, 3, 4],
    [2, 8, 3, 4],
  ]),
  concatCase("5, 5 and 5 channels", 1, [
    [2, 5, 3, 7],
    [2, 5, 3, 7],
    [2, 5, 3, 7],
  ]),
  concatCase("8, 5 and 1 channels", 1, [
    [2, 8, 3, 4],
    [2, 5, 3, 4],
    [2, 1, 3, 4],
  ]),
  concatCase("batch", 0, [
    [2, 5, 3, 7],
    [1, 5, 3, 7],
  ]),
  concatCase("last axis", -1, [
    [2, 5, 3, 7],
    [2, 5, 3, 2],
  ]),
  concatCase("rank 2", 1, [
    [3, 4],
    [3, 5],
  ]),
  concatCase("rank 1", 0, [[17], [1], [17]]),
  concatCase("a single part", 1, [[2, 5, 3, 7]]),
];
