import { at, broadcastOffset, broadcastShapes, forEachIndex, need, Sum, tensorOf } from "./tensor.ts";
import type { Attrs, Reference, Tensor, Tensors } from "./types.ts";

/**
 * Functions of two elements over broadcast shapes. Either operand may be a plain number, given as the attribute `a`
 * or `b` in place of an input; it has no gradient. An operand's gradient sums over what it was broadcast to.
 */
interface Rule {
  value(a: number, b: number): number;
  /** Terms of ∂y/∂a. */
  slopeA(a: number, b: number): readonly number[];
  /** Terms of ∂y/∂b. */
  slopeB(a: number, b: number): readonly number[];
  /** Terms of y where it has more than one. */
  terms?(a: number, b: number): readonly number[];
}

function operand(inputs: Tensors, attrs: Attrs, name: "a" | "b"): Tensor {
  const constant: unknown = attrs[name];
  return typeof constant === "number" ? tensorOf([], [constant]) : need(inputs, name);
}

function binary(rule: Rule): Reference {
  return {
    forward(inputs, attrs) {
      const a = operand(inputs, attrs, "a");
      const b = operand(inputs, attrs, "b");
      const y = new Sum(broadcastShapes(a.shape, b.shape));
      forEachIndex(y.shape, (index, i) => {
        const left = at(a.data, broadcastOffset(a.shape, index));
        const right = at(b.data, broadcastOffset(b.shape, index));
        for (const term of rule.terms?.(left, right) ?? [rule.value(left, right)]) {
          y.add(i, term);
        }
      });
      return { y };
    },
    backward(inputs, attrs, upstream) {
      const a = operand(inputs, attrs, "a");
      const b = operand(inputs, attrs, "b");
      const dy = need(upstream, "y");
      const da = new Sum(a.shape);
      const db = new Sum(b.shape);
      forEachIndex(dy.shape, (index, i) => {
        const offsetA = broadcastOffset(a.shape, index);
        const offsetB = broadcastOffset(b.shape, index);
        const left = at(a.data, offsetA);
        const right = at(b.data, offsetB);
        for (const term of rule.slopeA(left, right)) {
          da.add(offsetA, at(dy.data, i) * term);
        }
        for (const term of rule.slopeB(left, right)) {
          db.add(offsetB, at(dy.data, i) * term);
        }
      });
      return { ...("a" in inputs ? { a: da } : {}), ...("b" in inputs ? { b: db } : {}) };
    },
  };
}

export const add = binary({
  value: (a, b) => a + b,
  terms: (a, b) => [a, b],
  slopeA: () => [1],
  slopeB: () => [1],
});

export const sub = binary({
  value: (a, b) => a - b,
  terms: (a, b) => [a, -b],
  slopeA: () => [1],
  slopeB: () => [-1],
});

export const mul = binary({
  value: (a, b) => a * b,
  slopeA: (_a, b) => [b],
  slopeB: (a) => [a],
});

export const div = binary({
  value: (a, b) => a / b,
  slopeA: (_a, b) => [1 / b],
  slopeB: (a, b) => [-a / (b * b)],
});

/** a^b. The slopes are 0 where the exponent (for a) or the base (for b, with b ≥ 0) is 0. */
export const pow = binary({
  value: (a, b) => a ** b,
  slopeA: (a, b) => [b === 0 ? 0 : b * a ** (b - 1)],
  slopeB: (a, b) => [a === 0 && b >= 0 ? 0 : a ** b * Math.log(a)],
});

/** Share of the gradient that goes to the operand that wins; a tie is halved. */
const share = (wins: boolean, tie: boolean): number => (tie ? 0.5 : wins ? 1 : 0);

export const minimum = binary({
  value: (a, b) => Math.min(a, b),
  slopeA: (a, b) => [share(a < b, a === b)],
  slopeB: (a, b) => [share(b < a, a === b)],
});

export const maximum = binary({
  value: (a, b) => Math.max(a, b),
  slopeA: (a, b) => [share(a > b, a === b)],
  slopeB: (a, b) => [share(b > a, a === b)],
});
