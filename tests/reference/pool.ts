import { at, need, Sum } from "./tensor.ts";
import type { Attrs, Reference, Tensor, Tensors } from "./types.ts";
import { dims4, type Padding, type Pair, pairOf, positions, sidesOf } from "./window.ts";

/** Pooling: every output element looks at a window, a list of elements of one channel in row-major order. */

export interface PoolAttrs {
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly padding?: Padding;
  readonly dilation?: Pair;
  readonly ceilMode?: boolean;
  readonly countIncludePad?: boolean;
}

/** Coordinates along one axis that a window reads, and the length it counts for in an average. */
interface Span {
  readonly coordinates: readonly number[];
  readonly counted: number;
}

/** One output element: offsets it reads in x (padding left out) and the divisor of its average. */
interface Window {
  readonly offsets: readonly number[];
  readonly divisor: number;
}

interface Axis {
  readonly extent: number;
  readonly before: number;
  readonly after: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
}

/**
 * Spans of a sliding window. With `includePad` a window counts the padding it covers, but not what hangs over
 * the padded image in ceil mode; without, only the elements it reads.
 */
function slidingSpans(axis: Axis, ceil: boolean, includePad: boolean): Span[] {
  const { extent, before, after, kernel, stride, dilation } = axis;
  const count = positions(extent, before, after, dilation * (kernel - 1) + 1, stride, ceil);
  const spans: Span[] = [];
  for (let position = 0; position < count; position++) {
    const coordinates: number[] = [];
    let padded = 0;
    for (let tap = 0; tap < kernel; tap++) {
      const coordinate = position * stride - before + tap * dilation;
      if (coordinate >= 0 && coordinate < extent) {
        coordinates.push(coordinate);
      }
      if (coordinate < extent + after) {
        padded++;
      }
    }
    spans.push({ coordinates, counted: includePad ? padded : coordinates.length });
  }
  return spans;
}

/** Spans ⌊i·extent/count⌋ up to ⌈(i+1)·extent/count⌉. */
function adaptiveSpans(extent: number, count: number): Span[] {
  const spans: Span[] = [];
  for (let i = 0; i < count; i++) {
    const coordinates: number[] = [];
    for (let at = Math.floor((i * extent) / count); at < Math.ceil(((i + 1) * extent) / count); at++) {
      coordinates.push(at);
    }
    spans.push({ coordinates, counted: coordinates.length });
  }
  return spans;
}

/** Rows × columns of every channel of every example, in the order of the output's elements. */
function windowsOf(x: Tensor, rows: readonly Span[], columns: readonly Span[]): Window[] {
  const [batch, channels, height, width] = dims4(x.shape);
  const windows: Window[] = [];
  for (let plane = 0; plane < batch * channels; plane++) {
    for (const row of rows) {
      for (const column of columns) {
        const offsets = row.coordinates.flatMap((h) =>
          column.coordinates.map((w) => (plane * height + h) * width + w),
        );
        windows.push({ offsets, divisor: row.counted * column.counted });
      }
    }
  }
  return windows;
}

interface Pooling {
  readonly shape: readonly number[];
  readonly windows: readonly Window[];
}

function slidingPooling(x: Tensor, attrs: PoolAttrs): Pooling {
  const [batch, channels, height, width] = dims4(x.shape);
  const [kernelH, kernelW] = pairOf(attrs.kernel, 1);
  const [strideH, strideW] = pairOf(attrs.stride ?? attrs.kernel, 1);
  const [dilationH, dilationW] = pairOf(attrs.dilation, 1);
  const { top, left, bottom, right } = sidesOf(attrs.padding);
  const vertical = { extent: height, before: top, after: bottom };
  const horizontal = { extent: width, before: left, after: right };
  const ceil = attrs.ceilMode ?? false;
  const includePad = attrs.countIncludePad ?? true;
  const rows = slidingSpans(
    { ...vertical, kernel: kernelH, stride: strideH, dilation: dilationH },
    ceil,
    includePad,
  );
  const columns = slidingSpans(
    { ...horizontal, kernel: kernelW, stride: strideW, dilation: dilationW },
    ceil,
    includePad,
  );
  return { shape: [batch, channels, rows.length, columns.length], windows: windowsOf(x, rows, columns) };
}

function adaptivePooling(x: Tensor, attrs: { readonly outputSize: Pair }): Pooling {
  const [batch, channels, height, width] = dims4(x.shape);
  const [rows, columns] = pairOf(attrs.outputSize, 1);
  const windows = windowsOf(x, adaptiveSpans(height, rows), adaptiveSpans(width, columns));
  return { shape: [batch, channels, rows, columns], windows };
}

function globalPooling(x: Tensor, attrs: { readonly keepDims?: boolean }): Pooling {
  const [batch, channels] = dims4(x.shape);
  const { windows } = adaptivePooling(x, { outputSize: 1 });
  return { shape: attrs.keepDims ? [batch, channels, 1, 1] : [batch, channels], windows };
}

type MakePooling = (x: Tensor, attrs: Attrs) => Pooling;

/** y = Σ window / divisor. */
function averageReference(pooling: MakePooling): Reference {
  return {
    forward(inputs: Tensors, attrs: Attrs): Tensors {
      const x = need(inputs, "x");
      const { shape, windows } = pooling(x, attrs);
      const y = new Sum(shape);
      windows.forEach(({ offsets, divisor }, position) => {
        for (const offset of offsets) {
          y.add(position, at(x.data, offset) / divisor);
        }
      });
      return { y };
    },

    backward(inputs: Tensors, attrs: Attrs, upstream: Tensors): Tensors {
      const x = need(inputs, "x");
      const dy = need(upstream, "y");
      const dx = new Sum(x.shape);
      pooling(x, attrs).windows.forEach(({ offsets, divisor }, position) => {
        for (const offset of offsets) {
          dx.add(offset, at(dy.data, position) / divisor);
        }
      });
      return { x: dx };
    },
  };
}

/** Offset of the first of the largest elements of a window. */
function firstMaximum(x: Tensor, window: Window): number {
  let best = at(window.offsets, 0);
  for (const offset of window.offsets) {
    if (at(x.data, offset) > at(x.data, best)) {
      best = offset;
    }
  }
  return best;
}

/** y = max window; the gradient goes to the first maximum in row-major order. */
function maximumReference(pooling: MakePooling): Reference {
  return {
    forward(inputs: Tensors, attrs: Attrs): Tensors {
      const x = need(inputs, "x");
      const { shape, windows } = pooling(x, attrs);
      const y = new Sum(shape);
      windows.forEach((window, position) => {
        y.add(position, at(x.data, firstMaximum(x, window)));
      });
      return { y };
    },

    backward(inputs: Tensors, attrs: Attrs, upstream: Tensors): Tensors {
      const x = need(inputs, "x");
      const dy = need(upstream, "y");
      const dx = new Sum(x.shape);
      pooling(x, attrs).windows.forEach((window, position) => {
        dx.add(firstMaximum(x, window), at(dy.data, position));
      });
      return { x: dx };
    },
  };
}

export const maxPool2dReference = maximumReference(slidingPooling);
export const avgPool2dReference = averageReference(slidingPooling);
export const adaptiveAvgPool2dReference = averageReference(adaptivePooling);
export const globalAvgPool2dReference = averageReference(globalPooling);
export const globalMaxPool2dReference = maximumReference(globalPooling);
