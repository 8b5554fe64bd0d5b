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

/** Cases of a loss of two arrays of equal shape, over shapes, reductions and chosen attributes. */
export function pairLossCases(
  op: string,
  call: (x: Value, y: Value, attrs: Attrs) => Value,
  reference: Reference,
  fills: { readonly x: Omit<InputSpec, "shape">; readonly y: Omit<InputSpec, "shape"> },
  attrs: Attrs = {},
): OpCase[] {
  const shapes = [[2, 5, 3, 7], [2, 8, 3, 4], [2, 3, 5], [3, 4], [17], [1]];
  const plans: readonly (readonly [shape: readonly number[], reduction: string])[] = [
    ...shapes.map((shape) => [shape, "mean"] as const),
    [[2, 5, 3, 7], "sum"],
    [[3, 4], "sum"],
    [[17], "sum"],
    [[2, 5, 3, 7], "none"],
    [[2, 8, 3, 4], "none"],
    [[3, 4], "none"],
    [[3, 1100], "mean"],
  ];
  return plans.map(([shape, reduction]) =>
    pairLossCase(op, call, reference, `[${shape.join(",")}], ${reduction}`, {
      x: { shape, ...fills.x },
      y: { shape, ...fills.y },
      attrs: { ...attrs, reduction },
    }),
  );
}

/** One case of a loss of two arrays. */
export function pairLossCase(
  op: string,
  call: (x: Value, y: Value, attrs: Attrs) => Value,
  reference: Reference,
  name: string,
  given: { readonly x: InputSpec; readonly y: InputSpec; readonly attrs?: Attrs },
): OpCase {
  return {
    op,
    name,
    inputs: { x: given.x, y: given.y },
    attrs: given.attrs ?? {},
    run: (values, attrs) => ({ loss: call(values.x!, values.y!, attrs) }),
    reference,
  };
}
