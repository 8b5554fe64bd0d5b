import type { Value } from "../../src/graph/value.ts";
import type { Attrs, InputSpec, OpCase, Reference } from "./types.ts";

/** One case of an operator with a single input `x`: its name, how x is filled, attributes. */
export type UnaryPlan = readonly [name: string, x: InputSpec, attrs?: Attrs];

/** Cases of an operator y = call(x, attrs). */
export function unaryCases(
  op: string,
  call: (x: Value, attrs: Attrs) => Value,
  reference: Reference,
  plans: readonly UnaryPlan[],
): OpCase[] {
  return plans.map(([name, x, attrs]) => ({
    op,
    name,
    inputs: { x },
    attrs: attrs ?? {},
    run: (values, given) => ({ y: call(values.x!, given) }),
    reference,
  }));
}

/** Fills for functions of one element: channels that are and are not a multiple of 4, every rank, one element. */
export function pointwisePlans(low: number, high: number, attrs?: Attrs): UnaryPlan[] {
  const between = (shape: readonly number[]): InputSpec => ({ shape, fill: "uniform", low, high });
  return [
    ["5 channels", between([2, 5, 3, 7]), attrs],
    ["8 channels", between([2, 8, 3, 4]), attrs],
    ["rank 3", between([2, 3, 5]), attrs],
    ["rank 2", between([3, 4]), attrs],
    ["17 elements", between([17]), attrs],
    ["one element", between([1]), attrs],
  ];
}

/** Twelve chosen values in shape [3, 4], the list repeated as often as needed. Named "kink" where slopes jump there. */
export function chosenValues(...values: readonly number[]): InputSpec {
  const filled = Array.from({ length: 12 }, (_, i) => values[i % values.length] as number);
  return { shape: [3, 4], fill: "values", values: filled };
}
