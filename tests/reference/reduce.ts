import { at, forEachIndex, need, offsetOf, Sum, sizeOf, stridesOf } from "./tensor.ts";
import type { Attrs, Reference, Tensor } from "./types.ts";

/** Sum, mean and maximum over axes; no axes given means all of them. */

interface Reduction {
  readonly shape: readonly number[];
  /** Elements that each output reduces. */
  readonly count: number;
  /** Offset in y of the output that the element of x at `index` belongs to. */
  target(index: readonly number[]): number;
}

function reductionOf(x: Tensor, attrs: Attrs): Reduction {
  const rank = x.shape.length;
  const listed: readonly number[] = attrs.axes ?? x.shape.map((_, axis) => axis);
  const reduced = new Set(listed.map((axis) => (axis < 0 ? axis + rank : axis)));
  const kept = x.shape.map((extent, axis) => (reduced.has(axis) ? 1 : extent));
  const strides = stridesOf(kept);
  return {
    shape: attrs.keepDims ? kept : x.shape.filter((_, axis) => !reduced.has(axis)),
    count: sizeOf(x.shape) / sizeOf(kept),
    target: (index) =>
      offsetOf(
        strides,
        index.map((i, axis) => (reduced.has(axis) ? 0 : i)),
      ),
  };
}

/** y = factor · Σ x, dx = factor · dy. */
function summing(factorOf: (count: number) => number): Reference {
  return {
    forward(inputs, attrs) {
      const x = need(inputs, "x");
      const reduction = reductionOf(x, attrs);
      const y = new Sum(reduction.shape);
      forEachIndex(x.shape, (index, i) => {
        y.add(reduction.target(index), factorOf(reduction.count) * at(x.data, i));
      });
      return { y };
    },
    backward(inputs, attrs, upstream) {
      const x = need(inputs, "x");
      const dy = need(upstream, "y");
      const reduction = reductionOf(x, attrs);
      const dx = new Sum(x.shape);
      forEachIndex(x.shape, (index, i) => {
        dx.add(i, factorOf(reduction.count) * at(dy.data, reduction.target(index)));
      });
      return { x: dx };
    },
  };
}

export const sum = summing(() => 1);

export const mean = summing((count) => 1 / count);

/** The largest element of each output, and how many elements equal it. */
function maxima(x: Tensor, reduction: Reduction): { values: number[]; ties: number[] } {
  const values = new Array<number>(sizeOf(reduction.shape)).fill(-Infinity);
  const ties = values.map(() => 0);
  forEachIndex(x.shape, (index, i) => {
    const target = reduction.target(index);
    const value = at(x.data, i);
    if (value > at(values, target)) {
      values[target] = value;
      ties[target] = 1;
    } else if (value === at(values, target)) {
      ties[target] = at(ties, target) + 1;
    }
  });
  return { values, ties };
}

/** Largest element; its gradient is shared equally by all that equal it. */
export const max: Reference = {
  forward(inputs, attrs) {
    const x = need(inputs, "x");
    const reduction = reductionOf(x, attrs);
    const y = new Sum(reduction.shape);
    maxima(x, reduction).values.forEach((value, i) => {
      y.add(i, value);
    });
    return { y };
  },
  backward(inputs, attrs, upstream) {
    const x = need(inputs, "x");
    const dy = need(upstream, "y");
    const reduction = reductionOf(x, attrs);
    const { values, ties } = maxima(x, reduction);
    const dx = new Sum(x.shape);
    forEachIndex(x.shape, (index, i) => {
      const target = reduction.target(index);
      if (at(x.data, i) === at(values, target)) {
        dx.add(i, at(dy.data, target) / at(ties, target));
      }
    });
    return { x: dx };
  },
};
