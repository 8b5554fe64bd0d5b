import { ShapeError } from "../core/errors.ts";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv, dims4, formatShape, type Shape } from "../core/shape.ts";
import type { Windows } from "../graph/define.ts";
import { type Pair, pairOption, type Sides, sidesOption } from "./conv-geometry.ts";

/** Attributes of a pooling node: options with every number filled in. */
export interface PoolAttrs {
  readonly kernelH: number;
  readonly kernelW: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly pad: Sides;
  readonly ceilMode: boolean;
}

/** Options that all pooling over windows has. */
export interface PoolOptions {
  /** Size of a window. */
  readonly kernel: Pair;
  /** Pixels between neighbouring windows; default the size of a window. */
  readonly stride?: Pair;
  /** Border around the image; default 0. */
  readonly padding?: Pair | Sides;
  /** Keep a last window that hangs over the end, if it starts inside the image or the border before it; default false. */
  readonly ceilMode?: boolean;
}

/** Fills in and checks the options. Errors  ShapeError for a number that is no whole number in its range */
export function poolAttrs(op: string, options: PoolOptions, dilation: Pair = 1): PoolAttrs {
  const [kernelH, kernelW] = pairOption(op, "kernel", options.kernel, 1);
  const [strideH, strideW] = pairOption(op, "stride", options.stride ?? options.kernel, 1);
  const [dilationH, dilationW] = pairOption(op, "dilation", dilation, 1);
  const pad = sidesOption(op, "padding", options.padding ?? 0);
  const ceilMode = options.ceilMode ?? false;
  return { kernelH, kernelW, strideH, strideW, dilationH, dilationW, pad, ceilMode };
}

/** Windows along one axis: an image of `size` pixels between `before` and `after` pixels of border. */
interface AxisWindows {
  readonly size: number;
  readonly before: number;
  readonly after: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
}

function axisWindows(x: Shape, attrs: PoolAttrs): [AxisWindows, AxisWindows] {
  const { pad, kernelH, kernelW, strideH, strideW, dilationH, dilationW } = attrs;
  const [h, w] = [x[2]!, x[3]!];
  return [
    { size: h, before: pad.top, after: pad.bottom, kernel: kernelH, stride: strideH, dilation: dilationH },
    { size: w, before: pad.left, after: pad.right, kernel: kernelW, stride: strideW, dilation: dilationW },
  ];
}

/** Number of windows; in ceil mode the last must start inside the image or the border before it, as in torch. */
function countWindows({ size, before, after, kernel, stride, dilation }: AxisWindows, ceil: boolean): number {
  const steps = (size + before + after - dilation * (kernel - 1) - 1) / stride;
  const count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  return ceil && (count - 1) * stride >= size + before ? count - 1 : count;
}

/** True if some tap of window `position` lies in the image. */
function meetsImage({ size, before, kernel, stride, dilation }: AxisWindows, position: number): boolean {
  const start = position * stride - before;
  // The first tap that is not before the image.
  const tap = Math.max(0, Math.ceil(-start / dilation));
  return tap < kernel && start + tap * dilation < size;
}

/**
 * Shape of a pooled image.
 * Shapes  x [N, C, H, W]; y [N, C, P, Q], P = ⌊(H + pads − dilation·(kernel−1) − 1)/stride⌋ + 1, or ⌈…⌉ in ceil mode
 * Errors  ShapeError for a wrong rank, a window larger than the padded image, or one that lies wholly in the border
 */
export function poolShape(op: string, x: Shape, attrs: PoolAttrs): number[] {
  const [n, c, h, w] = dims4(op, x);
  const { pad } = attrs;
  const axes = axisWindows(x, attrs);
  const [p, q] = axes.map((axis) => countWindows(axis, attrs.ceilMode)) as [number, number];
  const shapes = { x: formatShape(x, "activation") };
  if (p < 1 || q < 1) {
    const [spanH, spanW] = axes.map(({ kernel, dilation }) => dilation * (kernel - 1) + 1);
    throw new ShapeError({
      op,
      problem: "window larger than the padded image",
      expected: `at most [${h + pad.top + pad.bottom}, ${w + pad.left + pad.right}]`,
      got: `[${spanH}, ${spanW}]`,
      shapes,
      fix: "use a smaller kernel, less dilation, more padding, or larger images",
    });
  }
  axes.forEach((axis, i) => {
    const empty = Array.from({ length: [p, q][i]! }, (_, at) => at).find((at) => !meetsImage(axis, at));
    if (empty === undefined) return;
    throw new ShapeError({
      op,
      problem: `${["row", "column"][i]} ${empty} of windows lies wholly in the padding`,
      expected: "windows that meet the image",
      got: `kernel ${axis.kernel}, padding ${axis.before} and ${axis.after}`,
      shapes,
      fix: "use padding of at most half the kernel",
    });
  });
  return [n, c, p, q];
}

/** Sizes, stride, dilation and padding, as the kernels over windows declare them. */
export function poolConsts(x: Shape, y: Shape, attrs: PoolAttrs): Record<string, number> {
  return {
    P: y[2]!,
    Q: y[3]!,
    H: x[2]!,
    W: x[3]!,
    R: attrs.kernelH,
    S: attrs.kernelW,
    STRIDE_H: attrs.strideH,
    STRIDE_W: attrs.strideW,
    DILATION_H: attrs.dilationH,
    DILATION_W: attrs.dilationW,
    PAD_TOP: attrs.pad.top,
    PAD_LEFT: attrs.pad.left,
  };
}

/** Largest divisor of a window's width up to 16: taps whose loads are unrolled together. */
function stepOf(width: number): number {
  let step = Math.min(width, 16);
  while (width % step !== 0) step--;
  return step;
}

/** Output pixels of one row per thread, taps per unrolled run, and the input columns under both. */
export function rowTile({ kernelW, strideW, dilationW }: PoolAttrs) {
  const step = stepOf(kernelW);
  const columns = (pixels: number) => (pixels - 1) * strideW + (step - 1) * dilationW + 1;
  // Wide strides and dilations leave little to share between pixels, and gaps that are read in vain.
  const pixels = columns(4) <= 4 * step ? 4 : 1;
  return { TILE_PIXELS: pixels, S_STEP: step, COLUMNS: columns(pixels) };
}

/**
 * Pixels of the input whose gradients one thread computes: a window's own pixels where windows stand apart, else about
 * 4 × 4, so that a window is looked at by few threads.
 */
export function cell(x: Shape, attrs: PoolAttrs) {
  const side = (stride: number, kernel: number, dilation: number) => {
    if (stride > 4) return 4;
    return dilation * (kernel - 1) < stride ? stride : stride * Math.floor(4 / stride);
  };
  const high = side(attrs.strideH, attrs.kernelH, attrs.dilationH);
  const wide = side(attrs.strideW, attrs.kernelW, attrs.dilationW);
  return {
    CELL_H: high,
    CELL_W: wide,
    CELLS_H: Math.ceil((x[2]! + attrs.pad.top) / high),
    CELLS_W: Math.ceil((x[3]! + attrs.pad.left) / wide),
  };
}

/** Body of the hook that stores 0 in the padding lanes of the last vec4 of channels; none where they hold 0 anyway. */
export function laneHook(channels: number, known: boolean): { hook?: { lanes: string } } {
  if (channels % 4 === 0 || known) return {};
  const mask = `(vec4u(0u, 1u, 2u, 3u) + c * 4u) < vec4u(${channels}u)`;
  return { hook: { lanes: `return select(vec4<f32>(), v, ${mask});` } };
}

/** Most taps of a window, or pixels of a cell, that are kept in registers. */
const MOST_TAPS = 16;

/** True if every tap of every window lies in the image, side by side, few enough to unroll. */
export function windowsInside(x: Shape, y: Shape, attrs: PoolAttrs): boolean {
  const { pad, kernelH, kernelW, strideH, strideW } = attrs;
  const dense = (attrs.dilationH === 1 || kernelH === 1) && (attrs.dilationW === 1 || kernelW === 1);
  const fits = (y[2]! - 1) * strideH + kernelH <= x[2]! && (y[3]! - 1) * strideW + kernelW <= x[3]!;
  return dense && fits && pad.top === 0 && pad.left === 0 && kernelH * kernelW <= MOST_TAPS;
}

/** The windows, if they also stand apart. */
export function windowsApart(
  kind: Windows["kind"],
  x: Shape,
  y: Shape,
  attrs: PoolAttrs,
): Windows | undefined {
  const { kernelH, kernelW, strideH, strideW } = attrs;
  const apart = kernelH <= strideH && kernelW <= strideW && strideH * strideW <= MOST_TAPS;
  return apart && windowsInside(x, y, attrs) ? { kind, kernelH, kernelW, strideH, strideW } : undefined;
}

/** Grid and constants of a kernel over windows: `rows` × `columns` windows or cells in each image. */
export function windowLaunch(
  x: Shape,
  y: Shape,
  attrs: PoolAttrs,
  c4: number,
  [rows, columns]: readonly [number, number],
) {
  const { P, Q, H, W, R, S, STRIDE_H, STRIDE_W } = poolConsts(x, y, attrs) as Record<string, number>;
  const count = x[0]! * rows * columns * c4;
  const items = count >= 65536 ? 8 : count >= 2048 ? 4 : 1;
  const [across, down] = linearGrid(ceilDiv(count, 64 * items));
  // Whole rows of channels: a thread stays with its own.
  let step = 1;
  while ((step * 64) % c4 !== 0) step++;
  return {
    grid: [ceilDiv(across, step) * step, down] as [number, number],
    const: { P, Q, H, W, R, S, STRIDE_H, STRIDE_W, COUNT: count, ITEMS: items, C4: c4 } as Record<
      string,
      number
    >,
  };
}

/** Cells (a window and the gap behind it) that cover an image. */
export function cellsOver(x: Shape, { strideH, strideW }: PoolAttrs): [number, number] {
  return [ceilDiv(x[2]!, strideH), ceilDiv(x[3]!, strideW)];
}
