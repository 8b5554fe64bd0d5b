import { at, forEachIndex, indexOf, need, offsetOf, Sum, sizeOf, stridesOf } from "./tensor.ts";
import type { Attrs, Reference, Tensor } from "./types.ts";

/** Operators that only move numbers: flatten, reshape, permute, slice, pad, concat. */

/** Shape of the result, and where each of its elements comes from: an offset in x, or undefined for `value`. */
interface Move {
  readonly shape: readonly number[];
  readonly value?: number;
  source(index: readonly number[], offset: number): number | undefined;
}

function moving(moveOf: (x: Tensor, attrs: Attrs) => Move): Reference {
  return {
    forward(inputs, attrs) {
      const x = need(inputs, "x");
      const move = moveOf(x, attrs);
      const y = new Sum(move.shape);
      forEachIndex(move.shape, (index, offset) => {
        const from = move.source(index, offset);
        y.add(offset, from === undefined ? (move.value ?? 0) : at(x.data, from));
      });
      return { y };
    },
    backward(inputs, attrs, upstream) {
      const x = need(inputs, "x");
      const dy = need(upstream, "y");
      const move = moveOf(x, attrs);
      const dx = new Sum(x.shape);
      forEachIndex(move.shape, (index, offset) => {
        const from = move.source(index, offset);
        if (from !== undefined) {
          dx.add(from, at(dy.data, offset));
        }
      });
      return { x: dx };
    },
  };
}

const fromEnd = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Axes start … end become one. */
export const flatten = moving((x, attrs) => {
  const rank = x.shape.length;
  const start = fromEnd(attrs.start ?? 1, rank);
  const end = fromEnd(attrs.end ?? -1, rank);
  const shape = [
    ...x.shape.slice(0, start),
    sizeOf(x.shape.slice(start, end + 1)),
    ...x.shape.slice(end + 1),
  ];
  return { shape, source: (_index, offset) => offset };
});

/** attrs.shape with at most one −1, which takes what is left. */
export const reshape = moving((x, attrs) => {
  const wanted: readonly number[] = attrs.shape;
  const known = wanted.filter((extent) => extent !== -1).reduce((product, extent) => product * extent, 1);
  const shape = wanted.map((extent) => (extent === -1 ? sizeOf(x.shape) / known : extent));
  return { shape, source: (_index, offset) => offset };
});

/** Axis i of the result is axis axes[i] of x. */
export const permute = moving((x, attrs) => {
  const axes: readonly number[] = attrs.axes.map((axis: number) => fromEnd(axis, x.shape.length));
  const strides = axes.map((axis) => at(stridesOf(x.shape), axis));
  return { shape: axes.map((axis) => at(x.shape, axis)), source: (index) => offsetOf(strides, index) };
});

/** Elements starts[i], starts[i] + steps[i], … before ends[i] of axis axes[i]; negative positions count from the end. */
export const slice = moving((x, attrs) => {
  const axes: readonly number[] = attrs.axes ?? attrs.starts.map((_: number, axis: number) => axis);
  const begin = x.shape.map(() => 0);
  const step = x.shape.map(() => 1);
  const shape = [...x.shape];
  axes.forEach((listed, i) => {
    const axis = fromEnd(listed, x.shape.length);
    const extent = at(x.shape, axis);
    const inside = (position: number): number => Math.min(Math.max(fromEnd(position, extent), 0), extent);
    const [from, to]: [number, number] = [inside(at(attrs.starts, i)), inside(at(attrs.ends, i))];
    begin[axis] = from;
    step[axis] = attrs.steps?.[i] ?? 1;
    shape[axis] = Math.max(0, Math.ceil((to - from) / at(step, axis)));
  });
  const strides = stridesOf(x.shape);
  return {
    shape,
    source: (index) =>
      offsetOf(
        strides,
        index.map((i, axis) => at(begin, axis) + i * at(step, axis)),
      ),
  };
});

/** pads[axis] = [before, after] elements of `value` (default 0). */
export const pad = moving((x, attrs) => {
  const pads: readonly (readonly [number, number])[] = attrs.pads;
  const strides = stridesOf(x.shape);
  return {
    shape: x.shape.map((extent, axis) => extent + (pads[axis]?.[0] ?? 0) + (pads[axis]?.[1] ?? 0)),
    value: attrs.value ?? 0,
    source(index) {
      const from = index.map((i, axis) => i - (pads[axis]?.[0] ?? 0));
      const inside = from.every((i, axis) => i >= 0 && i < at(x.shape, axis));
      return inside ? offsetOf(strides, from) : undefined;
    },
  };
});

/** Inputs in order of their names x0, x1, … one after another along an axis. */
export const concat: Reference = {
  forward(inputs, attrs) {
    const parts = Object.keys(inputs).map((name) => need(inputs, name));
    const first = need(inputs, "x0");
    const axis = fromEnd(attrs.axis, first.shape.length);
    const extent = parts.reduce((total, part) => total + at(part.shape, axis), 0);
    const y = new Sum(first.shape.map((size, i) => (i === axis ? extent : size)));
    forEachPart(parts, axis, (part, from, to) => {
      y.add(offsetOf(stridesOf(y.shape), to), at(part.data, from));
    });
    return { y };
  },
  backward(inputs, attrs, upstream) {
    const dy = need(upstream, "y");
    const names = Object.keys(inputs);
    const parts = names.map((name) => need(inputs, name));
    const gradients = parts.map((part) => new Sum(part.shape));
    forEachPart(parts, fromEnd(attrs.axis, dy.shape.length), (part, from, to) => {
      gradients[parts.indexOf(part)]?.add(from, at(dy.data, offsetOf(stridesOf(dy.shape), to)));
    });
    return Object.fromEntries(names.map((name, i) => [name, gradients[i] as Sum]));
  },
};

/** Calls `visit` for every element of every part with its offset there and its index in the whole. */
function forEachPart(
  parts: readonly Tensor[],
  axis: number,
  visit: (part: Tensor, from: number, to: readonly number[]) => void,
): void {
  let start = 0;
  for (const part of parts) {
    for (let offset = 0; offset < sizeOf(part.shape); offset++) {
      const index = indexOf(part.shape, offset);
      index[axis] = at(index, axis) + start;
      visit(part, offset, index);
    }
    start += at(part.shape, axis);
  }
}
