import { at, need, Sum, sizeOf } from "./tensor.ts";
import type { Attrs, Reference, Tensor } from "./types.ts";

/** Softmax and its logarithm along one axis. */

/** Offsets of the elements of every line along the axis (default the last). */
export function linesOf(x: Tensor, axis: number): number[][] {
  const along = axis < 0 ? axis + x.shape.length : axis;
  const extent = at(x.shape, along);
  const inner = sizeOf(x.shape.slice(along + 1));
  const lines: number[][] = [];
  for (let start = 0; start < sizeOf(x.shape); start += extent * inner) {
    for (let i = 0; i < inner; i++) {
      lines.push(Array.from({ length: extent }, (_, k) => start + k * inner + i));
    }
  }
  return lines;
}

/** Largest value m of a line, and log Σ e^(x − m). */
export function logSumExp(data: Float64Array, line: readonly number[]): { max: number; logSum: number } {
  const max = line.reduce((largest, i) => Math.max(largest, at(data, i)), -Infinity);
  const sum = line.reduce((total, i) => total + Math.exp(at(data, i) - max), 0);
  return { max, logSum: Math.log(sum) };
}

/** Probabilities of one line. */
export function lineSoftmax(data: Float64Array, line: readonly number[]): number[] {
  const { max, logSum } = logSumExp(data, line);
  return line.map((i) => Math.exp(at(data, i) - max - logSum));
}

const axisOf = (attrs: Attrs): number => attrs.axis ?? -1;

/** y_i = e^(x_i) / Σ e^(x_j); dx_i = y_i · (dy_i − Σ dy_j·y_j). */
export const softmax: Reference = {
  forward(inputs, attrs) {
    const x = need(inputs, "x");
    const y = new Sum(x.shape);
    for (const line of linesOf(x, axisOf(attrs))) {
      const p = lineSoftmax(x.data, line);
      line.forEach((offset, i) => {
        y.add(offset, at(p, i));
      });
    }
    return { y };
  },
  backward(inputs, attrs, upstream) {
    const x = need(inputs, "x");
    const dy = need(upstream, "y");
    const dx = new Sum(x.shape);
    for (const line of linesOf(x, axisOf(attrs))) {
      const p = lineSoftmax(x.data, line);
      const products = line.map((offset, i) => at(p, i) * at(dy.data, offset));
      const dot = products.reduce((total, product) => total + product, 0);
      const dotMagnitude = products.reduce((total, product) => total + Math.abs(product), 0);
      line.forEach((offset, i) => {
        dx.add(offset, at(p, i) * at(dy.data, offset));
        dx.add(offset, -at(p, i) * dot, at(p, i) * dotMagnitude);
      });
    }
    return { x: dx };
  },
};

/** y_i = x_i − m − log Σ e^(x_j − m); dx_i = dy_i − softmax(x)_i · Σ dy_j. */
export const logSoftmax: Reference = {
  forward(inputs, attrs) {
    const x = need(inputs, "x");
    const y = new Sum(x.shape);
    for (const line of linesOf(x, axisOf(attrs))) {
      const { max, logSum } = logSumExp(x.data, line);
      for (const offset of line) {
        y.add(offset, at(x.data, offset));
        y.add(offset, -max);
        y.add(offset, -logSum);
      }
    }
    return { y };
  },
  backward(inputs, attrs, upstream) {
    const x = need(inputs, "x");
    const dy = need(upstream, "y");
    const dx = new Sum(x.shape);
    for (const line of linesOf(x, axisOf(attrs))) {
      const p = lineSoftmax(x.data, line);
      line.forEach((offset, i) => {
        dx.add(offset, at(dy.data, offset));
        for (const other of line) {
          dx.add(offset, -at(p, i) * at(dy.data, other));
        }
      });
    }
    return { x: dx };
  },
};
