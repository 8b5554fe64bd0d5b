import type { Value } from "../../src/graph/value.ts";
import { add, div, maximum, minimum, mul, pow, sub } from "../../src/ops/index.ts";
import * as reference from "../reference/binary.ts";
import { chosenValues } from "../reference/case-builders.ts";
import type { InputSpec, OpCase, Reference } from "../reference/types.ts";

type Call = (a: Value | number, b: Value | number) => Value;
type Fill = Omit<InputSpec, "shape">;

/** How each operand is filled, and the plain numbers that take its place. */
interface Domain {
  readonly a: Fill;
  readonly b: Fill;
  readonly numberA: number;
  readonly numberB: number;
}

const shapes: readonly (readonly [name: string, a: readonly number[], b: readonly number[]])[] = [
  ["equal shapes, 5 channels", [2, 5, 3, 7], [2, 5, 3, 7]],
  ["equal shapes, 8 channels", [2, 8, 3, 4], [2, 8, 3, 4]],
  ["rank 2", [3, 4], [3, 4]],
  ["17 elements", [17], [17]],
  ["one element", [1], [1]],
  ["[C,1,1] over 5 channels", [2, 5, 3, 7], [5, 1, 1]],
  ["[1,C,1,1] over 8 channels", [2, 8, 3, 4], [1, 8, 1, 1]],
  ["[N,1,1,1] on the left", [2, 1, 1, 1], [2, 5, 3, 7]],
  ["last axis of rank 4", [2, 5, 3, 7], [7]],
  ["one element over 5 channels", [2, 5, 3, 7], [1]],
  ["[H,W] over 5 channels", [3, 7], [2, 5, 3, 7]],
  ["[N,1,H,W] over 5 channels", [2, 5, 3, 7], [2, 1, 3, 7]],
  ["both broadcast", [3, 1], [4]],
];

function withInputs(
  op: string,
  call: Call,
  reference: Reference,
  name: string,
  a: InputSpec,
  b: InputSpec,
): OpCase {
  return {
    op,
    name,
    inputs: { a, b },
    attrs: {},
    run: (values) => ({ y: call(values.a!, values.b!) }),
    reference,
  };
}

function casesOf(op: string, call: Call, reference: Reference, domain: Domain): OpCase[] {
  const scalars = [[2, 5, 3, 7], [17]].flatMap((shape): OpCase[] => [
    {
      op,
      name: `number on the right, rank ${shape.length}`,
      inputs: { a: { ...domain.a, shape } },
      attrs: { b: domain.numberB },
      run: (values, attrs) => ({ y: call(values.a!, attrs.b) }),
      reference,
    },
    {
      op,
      name: `number on the left, rank ${shape.length}`,
      inputs: { b: { ...domain.b, shape } },
      attrs: { a: domain.numberA },
      run: (values, attrs) => ({ y: call(attrs.a, values.b!) }),
      reference,
    },
  ]);
  const arrays = shapes.map(([name, a, b]) =>
    withInputs(op, call, reference, name, { ...domain.a, shape: a }, { ...domain.b, shape: b }),
  );
  return [...arrays, ...scalars];
}

const signed: Domain = { a: { scale: 2 }, b: { scale: 2 }, numberA: 1.5, numberB: -0.375 };
const quotient: Domain = { ...signed, b: { fill: "uniform", low: 0.4, high: 3 } };
const power: Domain = {
  a: { fill: "uniform", low: 0.3, high: 2.5 },
  b: { fill: "uniform", low: -2, high: 3 },
  numberA: 1.75,
  numberB: 2.5,
};
const distinct: Domain = {
  a: { fill: "distinct" },
  b: { fill: "distinct", shift: 1 / 3 },
  numberA: 0.71,
  numberB: -0.13,
};

const powNumber = (name: string, b: number, a: InputSpec): OpCase => ({
  op: "pow",
  name,
  inputs: { a },
  attrs: { b },
  run: (values, attrs) => ({ y: pow(values.a!, attrs.b) }),
  reference: reference.pow,
});

const tied: InputSpec = { shape: [2, 5, 3, 7], fill: "ties" };

export const cases: OpCase[] = [
  ...casesOf("add", add, reference.add, signed),
  ...casesOf("sub", sub, reference.sub, signed),
  ...casesOf("mul", mul, reference.mul, signed),
  ...casesOf("div", div, reference.div, quotient),
  ...casesOf("pow", pow, reference.pow, power),
  powNumber("square of either sign", 2, { shape: [17] }),
  powNumber("cube of either sign", 3, { shape: [2, 5, 3, 7] }),
  powNumber("first power of either sign", 1, { shape: [17] }),
  powNumber("exponent 0", 0, { shape: [17] }),
  powNumber("square at 0", 2, chosenValues(0, 1, -1, 0.5)),
  powNumber("square root", 0.5, { shape: [17], ...power.a }),
  powNumber("reciprocal of either sign", -1, chosenValues(0.5, -0.75, 2, -3)),
  ...casesOf("minimum", minimum, reference.minimum, distinct),
  withInputs("minimum", minimum, reference.minimum, "kink: ties", tied, tied),
  withInputs("minimum", minimum, reference.minimum, "kink: ties with [C,1,1]", tied, {
    shape: [5, 1, 1],
    fill: "ties",
  }),
  ...casesOf("maximum", maximum, reference.maximum, distinct),
  withInputs("maximum", maximum, reference.maximum, "kink: ties", tied, tied),
  withInputs("maximum", maximum, reference.maximum, "kink: ties with [C,1,1]", tied, {
    shape: [5, 1, 1],
    fill: "ties",
  }),
];
