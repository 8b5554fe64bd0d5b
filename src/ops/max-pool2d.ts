import forwardWgsl from "../../shaders/max_pool2d.wgsl?raw";
import backwardWgsl from "../../shaders/max_pool2d_backward.wgsl?raw";
import backwardWindowsWgsl from "../../shaders/max_pool2d_backward_windows.wgsl?raw";
import windowsWgsl from "../../shaders/max_pool2d_windows.wgsl?raw";
import { CHANNELS_LAST } from "../core/layout.ts";
import { ceilDiv, dims4, numel } from "../core/shape.ts";
import { checkFloats, defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { type Pair, threadGrid } from "./conv-geometry.ts";
import {
  cell,
  cellsOver,
  laneHook,
  type PoolAttrs,
  type PoolOptions,
  poolAttrs,
  poolConsts,
  poolShape,
  rowTile,
  windowLaunch,
  windowsApart,
  windowsInside,
} from "./pool-geometry.ts";

/** Options of maxPool2d. */
export interface MaxPool2dOptions extends PoolOptions {
  /** Pixels between neighbouring taps of a window; default 1. */
  readonly dilation?: Pair;
}

const op = defineOp<"x", "y", PoolAttrs>({
  name: "max_pool2d",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }, attrs) => ({ y: poolShape("maxPool2d", x, attrs) }),
  lowerings: [
    {
      name: "max_pool2d_windows",
      wgsl: windowsWgsl,
      layouts: { x: CHANNELS_LAST, y: CHANNELS_LAST },
      hooks: ["epilogue"],
      prologues: { x: { name: "prologue", args: ["x"] } },
      padZero: ["y"],
      when: ({ shape, attrs }) => windowsInside(shape.x, shape.y, attrs),
      launch: ({ shape, physical, attrs, padZero }) => ({
        ...windowLaunch(shape.x, shape.y, attrs, physical.y.dims[3]! / 4, [shape.y[2]!, shape.y[3]!]),
        ...laneHook(shape.x[1]!, padZero.x),
      }),
    },
    {
      name: "max_pool2d",
      wgsl: forwardWgsl,
      layouts: { x: CHANNELS_LAST, y: CHANNELS_LAST },
      hooks: ["epilogue"],
      padZero: ["y"],
      launch: ({ shape, physical, attrs, padZero }) => {
        const [n, c, p, q] = dims4("maxPool2d", shape.y);
        const c4 = physical.y.dims[3]! / 4;
        const tile = rowTile(attrs);
        return {
          grid: threadGrid(c4 * ceilDiv(q, tile.TILE_PIXELS) * n * p),
          const: { ...poolConsts(shape.x, shape.y, attrs), ...tile, ALL_ROWS: n * p, C4: c4 },
          ...laneHook(c, padZero.x),
        };
      },
    },
  ],
  gradient: ({ in: { x }, dy, attrs }) => ({ x: backward({ x, dy }, attrs).dx }),
  cost: ({ shape, attrs }) => ({ flops: numel(shape.y) * attrs.kernelH * attrs.kernelW }),
});

const backward = defineOp<"x" | "dy", "dx", PoolAttrs>({
  name: "max_pool2d_backward",
  inputs: ["x", "dy"],
  outputs: ["dx"],
  shape: ({ x }) => ({ dx: x }),
  spreads: ({ x, dy }, attrs) => windowsApart("maximum", x, dy, attrs),
  lowerings: [
    {
      name: "max_pool2d_backward_windows",
      wgsl: backwardWindowsWgsl,
      layouts: { x: CHANNELS_LAST, dy: CHANNELS_LAST, dx: CHANNELS_LAST },
      hooks: ["epilogue"],
      keeps: ["x"],
      prologues: { x: { name: "prologue", args: ["x"] } },
      makes: { x: "z" },
      padZero: ["dx"],
      when: ({ shape, attrs }) => windowsApart("maximum", shape.x, shape.dy, attrs) !== undefined,
      launch: ({ shape, physical, attrs, padZero }) => {
        const cells = cellsOver(shape.x, attrs);
        const launch = windowLaunch(shape.x, shape.dy, attrs, physical.x.dims[3]! / 4, cells);
        return {
          grid: launch.grid,
          const: { ...launch.const, CELLS_H: cells[0], CELLS_W: cells[1] },
          ...laneHook(shape.x[1]!, padZero.dy),
        };
      },
    },
    {
      name: "max_pool2d_backward",
      wgsl: backwardWgsl,
      layouts: { x: CHANNELS_LAST, dy: CHANNELS_LAST, dx: CHANNELS_LAST },
      hooks: ["epilogue"],
      padZero: ["dx"],
      launch: ({ shape, physical, attrs, padZero }) => {
        const [n, c] = dims4("maxPool2d", shape.x);
        const c4 = physical.x.dims[3]! / 4;
        const cells = cell(shape.x, attrs);
        return {
          grid: threadGrid(c4 * n * cells.CELLS_H * cells.CELLS_W),
          const: {
            ...poolConsts(shape.x, shape.dy, attrs),
            ...cells,
            S_STEP: rowTile(attrs).S_STEP,
            N: n,
            C4: c4,
          },
          ...laneHook(c, padZero.dy),
        };
      },
    },
  ],
  gradient: { none: "gradients of gradients are not supported" },
  cost: ({ shape, attrs }) => ({ flops: numel(shape.dy) * (attrs.kernelH * attrs.kernelW + 1) }),
});

/**
 * Largest element of every window.   y[n,c,p,q] = max_r,s x[n, c, p·stride − pad + r·dilation, …]
 * Padding never wins; a NaN is larger than all. The gradient goes to the first of the largest, row by row.
 * Shapes  x [N, C, H, W]; y [N, C, P, Q], P = ⌊(H + pads − dilation·(kernel−1) − 1)/stride⌋ + 1, or ⌈…⌉ with ceilMode
 * Errors  ShapeError for a wrong rank or option, a window larger than the padded image or wholly in the padding
 * Source  torch.nn.MaxPool2d
 */
export function maxPool2d(x: Value, { dilation = 1, ...options }: MaxPool2dOptions): Value {
  checkFloats({ name: "maxPool2d" }, { x });
  return op({ x }, poolAttrs("maxPool2d", options, dilation)).y;
}
