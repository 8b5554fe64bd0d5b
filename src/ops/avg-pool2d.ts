import forwardWgsl from "../../shaders/avg_pool2d.wgsl?raw";
import backwardWgsl from "../../shaders/avg_pool2d_backward.wgsl?raw";
import backwardWindowsWgsl from "../../shaders/avg_pool2d_backward_windows.wgsl?raw";
import windowsWgsl from "../../shaders/avg_pool2d_windows.wgsl?raw";
import { CHANNELS_LAST } from "../core/layout.ts";
import { numel, type Shape } from "../core/shape.ts";
import { checkFloats, defineOp, type Launch } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { threadGrid } from "./conv-geometry.ts";
import {
  cellsOver,
  type PoolAttrs,
  type PoolOptions,
  poolAttrs,
  poolConsts,
  poolShape,
  windowLaunch,
  windowsApart,
  windowsInside,
} from "./pool-geometry.ts";

/** Options of avgPool2d. */
export interface AvgPool2dOptions extends PoolOptions {
  /** Count the padding in the divisor; default true. A window's overhang over the padding never counts. */
  readonly countIncludePad?: boolean;
}

/** Attributes of an average over windows; `parts` is the output size of the adaptive form. */
export interface AvgAttrs extends PoolAttrs {
  readonly countIncludePad: boolean;
  readonly parts: readonly [number, number] | null;
}

function outputShape(x: Shape, attrs: AvgAttrs): Shape {
  return attrs.parts ? [x[0]!, x[1]!, ...attrs.parts] : poolShape("avgPool2d", x, attrs);
}

function launch(x: Shape, y: Shape, attrs: AvgAttrs, vectors: number, c4: number): Launch {
  // The taps of an average lie side by side: there is no dilation in these files.
  const { DILATION_H: _h, DILATION_W: _w, ...consts } = poolConsts(x, y, attrs);
  return {
    grid: threadGrid(vectors),
    const: {
      ...consts,
      COUNT: vectors,
      C4: c4,
      PAD_BOTTOM: attrs.pad.bottom,
      PAD_RIGHT: attrs.pad.right,
      INCLUDE_PAD: attrs.countIncludePad,
      ADAPTIVE: attrs.parts !== null,
    },
  };
}

/** The op behind average pooling over windows and over parts. */
export const average = defineOp<"x", "y", AvgAttrs>({
  name: "avg_pool2d",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }, attrs) => ({ y: outputShape(x, attrs) }),
  lowerings: [
    {
      name: "avg_pool2d_windows",
      wgsl: windowsWgsl,
      layouts: { x: CHANNELS_LAST, y: CHANNELS_LAST },
      hooks: ["epilogue"],
      prologues: { x: { name: "prologue", args: ["x"] } },
      when: ({ shape, attrs }) => !attrs.parts && windowsInside(shape.x, shape.y, attrs),
      launch: ({ shape, physical, attrs }) =>
        windowLaunch(shape.x, shape.y, attrs, physical.y.dims[3]! / 4, [shape.y[2]!, shape.y[3]!]),
    },
    {
      name: "avg_pool2d",
      wgsl: forwardWgsl,
      layouts: { x: CHANNELS_LAST, y: CHANNELS_LAST },
      hooks: ["epilogue"],
      launch: ({ shape, physical, attrs }) =>
        launch(shape.x, shape.y, attrs, physical.y.size / 4, physical.y.dims[3]! / 4),
    },
  ],
  gradient: ({ in: { x }, dy, attrs }) => ({ x: backward({ dy }, { ...attrs, image: x.shape }).dx }),
  cost: ({ shape, attrs }) => ({ flops: numel(shape.y) * attrs.kernelH * attrs.kernelW }),
});

type BackwardAttrs = AvgAttrs & { readonly image: Shape };

const apart = (dy: Shape, attrs: BackwardAttrs) =>
  attrs.parts ? undefined : windowsApart("average", attrs.image, dy, attrs);

const backward = defineOp<"dy", "dx", BackwardAttrs>({
  name: "avg_pool2d_backward",
  inputs: ["dy"],
  outputs: ["dx"],
  shape: (_, { image }) => ({ dx: image }),
  spreads: ({ dy }, attrs) => apart(dy, attrs),
  lowerings: [
    {
      name: "avg_pool2d_backward_windows",
      wgsl: backwardWindowsWgsl,
      layouts: { dy: CHANNELS_LAST, dx: CHANNELS_LAST },
      hooks: ["epilogue"],
      keeps: [],
      when: ({ shape, attrs }) => apart(shape.dy, attrs) !== undefined,
      launch: ({ shape, physical, attrs }) => {
        const cells = cellsOver(attrs.image, attrs);
        const launch = windowLaunch(attrs.image, shape.dy, attrs, physical.dx.dims[3]! / 4, cells);
        return { grid: launch.grid, const: { ...launch.const, CELLS_H: cells[0], CELLS_W: cells[1] } };
      },
    },
    {
      name: "avg_pool2d_backward",
      wgsl: backwardWgsl,
      layouts: { dy: CHANNELS_LAST, dx: CHANNELS_LAST },
      hooks: ["epilogue"],
      launch: ({ shape, physical, attrs }) =>
        launch(attrs.image, shape.dy, attrs, physical.dx.size / 4, physical.dx.dims[3]! / 4),
    },
  ],
  gradient: { none: "gradients of gradients are not supported" },
  cost: ({ shape, attrs }) => ({ flops: 2 * numel(shape.dy) * attrs.kernelH * attrs.kernelW }),
});

/**
 * Mean of every window.   y[n,c,p,q] = Σ_r,s x[n, c, p·stride − pad + r, …] / divisor
 * The divisor counts the window with its padding, or only its pixels (`countIncludePad: false`).
 * Shapes  x [N, C, H, W]; y [N, C, P, Q], P = ⌊(H + pads − kernel)/stride⌋ + 1, or ⌈…⌉ with ceilMode
 * Errors  ShapeError for a wrong rank or option, a window larger than the padded image or wholly in the padding
 * Source  torch.nn.AvgPool2d
 */
export function avgPool2d(x: Value, { countIncludePad = true, ...options }: AvgPool2dOptions): Value {
  checkFloats({ name: "avgPool2d" }, { x });
  return average({ x }, { ...poolAttrs("avgPool2d", options), countIncludePad, parts: null }).y;
}
