import applyWgsl from "../../shaders/batch_norm_apply.wgsl?raw";
import reduceWgsl from "../../shaders/batch_norm_backward_reduce.wgsl?raw";
import reduceWindowsWgsl from "../../shaders/batch_norm_backward_reduce_windows.wgsl?raw";
import sumWgsl from "../../shaders/batch_norm_backward_sum.wgsl?raw";
import countWgsl from "../../shaders/batch_norm_count.wgsl?raw";
import finaliseWgsl from "../../shaders/batch_norm_finalise.wgsl?raw";
import momentsWgsl from "../../shaders/batch_norm_moments.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { CHANNELS_LAST, type Physical } from "../core/layout.ts";
import { floatLiteral } from "../core/literal.ts";
import { ceilDiv, numel, roundUp, type Shape } from "../core/shape.ts";
import { defineOp, type Launch, type LayoutRequest, type Windows } from "../graph/define.ts";

/** The dispatches that batch norm consists of. */

const NONE = { none: "batch norm is differentiated as a whole" };

/** Values of one channel, and the chunks they are reduced in. */
export interface Chunks {
  readonly positions: number;
  readonly chunk: number;
  readonly rows: number;
  readonly channels: number;
  /** Channels with padding, as the partial results have them. */
  readonly stride: number;
}

/** At most this many chunks: enough to fill a device, few enough for one thread to combine. */
const MOST_ROWS = 256;
/** At least this many values in a chunk. */
const LEAST_CHUNK = 64;

/** How an input [N, C, ...] is cut into chunks. */
export function chunksOf(x: Shape): Chunks {
  const channels = x[1]!;
  const positions = numel(x) / channels;
  const chunk = Math.max(LEAST_CHUNK, ceilDiv(positions, MOST_ROWS));
  const stride = x.length === 4 ? roundUp(channels, 4) : channels;
  return { positions, chunk, rows: ceilDiv(positions, chunk), channels, stride };
}

/** Addresses of positions and channels of x in Elems: vec4s where it lies channels last, numbers elsewhere. */
function access(x: Physical, { positions, chunk, rows }: Chunks): Launch {
  const last = x.layout === CHANNELS_LAST;
  const quads = x.dims.at(-1)! / 4;
  const channels = last ? quads : x.shape[1]!;
  const inner = last || x.shape.length === 2 ? positions : numel(x.shape.slice(2));
  return {
    grid: linearGrid(ceilDiv(rows * channels, 64)),
    alias: { Elem: last ? "vec4<f32>" : "f32" },
    const: {
      POSITIONS: positions,
      CHUNK: chunk,
      ROWS: rows,
      CHANNELS: channels,
      INNER: inner,
      INNER_STRIDE: last ? quads : x.shape.length === 2 ? channels : 1,
      OUTER_STRIDE: last ? 0 : x.strides[0]!,
      CHANNEL_STRIDE: last ? 1 : x.strides[1]!,
    },
  };
}

const rank4 = ({ shape }: { readonly shape: Readonly<Record<"x", Shape>> }) => shape.x.length === 4;
const launchOn = ({ physical }: { readonly physical: Readonly<Record<"x", Physical>> }) =>
  access(physical.x, chunksOf(physical.x.shape));

/** Moments of every chunk: partials [rows, 3, stride]. */
export const moments = defineOp({
  name: "batch_norm_moments",
  inputs: ["x"],
  outputs: ["partials"],
  shape: ({ x }) => ({ partials: [chunksOf(x).rows, 3, chunksOf(x).stride] }),
  lowerings: [
    {
      name: "batch_norm_moments",
      wgsl: momentsWgsl,
      layouts: { x: CHANNELS_LAST },
      when: rank4,
      launch: launchOn,
    },
    { name: "batch_norm_moments_plain", wgsl: momentsWgsl, launch: launchOn },
  ],
  gradient: NONE,
  cost: ({ shape }) => ({ flops: 3 * numel(shape.x) }),
});

export interface FinaliseAttrs extends Chunks {
  readonly eps: number;
}

const finaliseShape = (_: unknown, { channels }: FinaliseAttrs) => ({ mean: [channels], rstd: [channels] });

function finaliseLaunch({ positions, chunk, rows, channels, stride, eps }: FinaliseAttrs): Launch {
  return {
    grid: [ceilDiv(channels, 64)],
    const: {
      POSITIONS: positions,
      CHUNK: chunk,
      ROWS: rows,
      CHANNELS: channels,
      STRIDE: stride,
      EPSILON: eps,
    },
  };
}

const storage = (binding: number, access: "read" | "read_write", name: string, type = "f32") =>
  `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${type}>;`;
const towards = (factor: string) =>
  ["mean", "var"]
    .map((which) => {
      const batch = which === "mean" ? "batch_mean" : "unbiased";
      return `running_${which}[c] = (1.0 - ${factor}) * running_${which}[c] + ${factor} * ${batch};`;
    })
    .join(" ");

/** Mean and rstd alone. */
export const finalise = defineOp<"partials", "mean" | "rstd", FinaliseAttrs>({
  name: "batch_norm_finalise",
  inputs: ["partials"],
  outputs: ["mean", "rstd"],
  shape: finaliseShape,
  lowerings: [
    { name: "batch_norm_finalise", wgsl: finaliseWgsl, launch: ({ attrs }) => finaliseLaunch(attrs) },
  ],
  gradient: NONE,
});

/** And the running statistics, the new batch weighing `factor` []. */
export const finaliseRunning = defineOp<
  "partials" | "runningMean" | "runningVar" | "factor",
  "mean" | "rstd",
  FinaliseAttrs
>({
  name: "batch_norm_finalise_running",
  inputs: ["partials", "runningMean", "runningVar", "factor"],
  outputs: ["mean", "rstd"],
  writes: ["runningMean", "runningVar"],
  shape: finaliseShape,
  lowerings: [
    {
      name: "batch_norm_finalise",
      wgsl: finaliseWgsl,
      launch: ({ attrs }) => ({
        ...finaliseLaunch(attrs),
        hook: { track: towards("factor[0]") },
        append: [
          storage(3, "read_write", "running_mean"),
          storage(4, "read_write", "running_var"),
          storage(5, "read", "factor"),
        ],
      }),
    },
  ],
  gradient: NONE,
});

export interface TrackedAttrs extends FinaliseAttrs {
  readonly momentum: number;
}

/** And the count of batches, in the same dispatch: nobody else reads it. */
export const finaliseTracked = defineOp<
  "partials" | "runningMean" | "runningVar" | "numBatchesTracked",
  "mean" | "rstd",
  TrackedAttrs
>({
  name: "batch_norm_finalise_tracked",
  inputs: ["partials", "runningMean", "runningVar", "numBatchesTracked"],
  outputs: ["mean", "rstd"],
  writes: ["runningMean", "runningVar", "numBatchesTracked"],
  shape: finaliseShape,
  lowerings: [
    {
      name: "batch_norm_finalise",
      wgsl: finaliseWgsl,
      launch: ({ attrs }) => ({
        ...finaliseLaunch(attrs),
        hook: {
          track: `${towards(floatLiteral(attrs.momentum))} if (c == 0u) { num_batches_tracked[0] += 1; }`,
        },
        append: [
          storage(3, "read_write", "running_mean"),
          storage(4, "read_write", "running_var"),
          storage(5, "read_write", "num_batches_tracked", "i32"),
        ],
      }),
    },
  ],
  gradient: NONE,
});

/** Counts a batch; `factor` [] is its weight in a cumulative average. */
export const countBatch = defineOp({
  name: "batch_norm_count",
  inputs: ["numBatchesTracked"],
  outputs: ["factor"],
  writes: ["numBatchesTracked"],
  shape: () => ({ factor: [] }),
  lowerings: [{ name: "batch_norm_count", wgsl: countWgsl, launch: () => ({ grid: [1] }) }],
  gradient: NONE,
});

const reduceLayouts: Readonly<Partial<Record<"x" | "dy", LayoutRequest>>> = {
  x: CHANNELS_LAST,
  dy: CHANNELS_LAST,
};

/** How the windows over an image [N, C, H, W] are cut into the chunks of `chunksOf`. */
function windowLaunch(x: Physical, dy: Shape, { kind, kernelH, kernelW, strideH, strideW }: Windows): Launch {
  const { rows } = chunksOf(x.shape);
  const windows = dy[0]! * dy[2]! * dy[3]!;
  const c4 = x.dims[3]! / 4;
  const sizes = { P: dy[2]!, Q: dy[3]!, H: x.shape[2]!, W: x.shape[3]!, R: kernelH, S: kernelW };
  return {
    grid: linearGrid(ceilDiv(rows * c4, 64)),
    const: {
      ...sizes,
      MAXIMUM: kind === "maximum",
      WINDOWS: windows,
      CHUNK: ceilDiv(windows, rows),
      ROWS: rows,
      C4: c4,
      STRIDE_H: strideH,
      STRIDE_W: strideW,
    },
  };
}

/** The same where dy is the gradient of a pooled image: `prologues` say how x was pooled and what dy becomes. */
const backwardReduceWindows = defineOp<"x" | "dy" | "mean" | "rstd", "partials", Windows>({
  name: "batch_norm_backward_reduce_windows",
  inputs: ["x", "dy", "mean", "rstd"],
  outputs: ["partials"],
  shape: ({ x }) => ({ partials: [chunksOf(x).rows, 2, chunksOf(x).stride] }),
  lowerings: [
    {
      name: "batch_norm_backward_reduce_windows",
      wgsl: reduceWindowsWgsl,
      layouts: reduceLayouts,
      prologues: {
        x: { name: "prologue", args: ["x"] },
        dy: { name: "gradient", args: ["dy", "x"] },
      },
      makes: { x: "z" },
      channels: ["mean", "rstd"],
      launch: ({ physical, shape, attrs }) => windowLaunch(physical.x, shape.dy, attrs),
    },
  ],
  gradient: NONE,
  cost: ({ shape }) => ({ flops: 4 * numel(shape.x) }),
});

/** Sums of every chunk for the gradients of weight and bias: partials [rows, 2, stride]. */
export const backwardReduce = defineOp({
  name: "batch_norm_backward_reduce",
  inputs: ["x", "dy", "mean", "rstd"],
  outputs: ["partials"],
  shape: ({ x }) => ({ partials: [chunksOf(x).rows, 2, chunksOf(x).stride] }),
  lowerings: [
    {
      name: "batch_norm_backward_reduce",
      wgsl: reduceWgsl,
      layouts: reduceLayouts,
      prologues: { dy: { name: "prologue", args: ["dy", "x"] } },
      channels: ["mean", "rstd"],
      when: rank4,
      launch: launchOn,
    },
    { name: "batch_norm_backward_reduce_plain", wgsl: reduceWgsl, launch: launchOn },
  ],
  overWindows: backwardReduceWindows.spec,
  gradient: NONE,
  cost: ({ shape }) => ({ flops: 4 * numel(shape.x) }),
});

/** Gradients of weight and bias. */
export const backwardSum = defineOp<"partials", "dweight" | "dbias", Chunks>({
  name: "batch_norm_backward_sum",
  inputs: ["partials"],
  outputs: ["dweight", "dbias"],
  shape: (_, { channels }) => ({ dweight: [channels], dbias: [channels] }),
  lowerings: [
    {
      name: "batch_norm_backward_sum",
      wgsl: sumWgsl,
      launch: ({ attrs: { rows, channels, stride } }) => ({
        grid: [ceilDiv(channels, 64)],
        const: { ROWS: rows, CHANNELS: channels, STRIDE: stride },
      }),
    },
  ],
  gradient: NONE,
});

/** y from x and one mean, rstd, weight and bias a channel. */
export const normalise = defineOp({
  name: "batch_norm_normalise",
  inputs: ["x", "mean", "rstd", "weight", "bias"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: {
    wgsl: applyWgsl,
    first: { scale: { fn: "batch_norm_scale", args: [2, 3] } },
    fn: "batch_norm_normalise",
    args: [0, 1, "scale", 4],
  },
  gradient: NONE,
});

/** dx; `perValue` is 1/n. */
export const backwardApply = defineOp<
  "x" | "dy" | "mean" | "rstd" | "weight" | "dweight" | "dbias",
  "dx",
  { perValue: number }
>({
  name: "batch_norm_backward",
  inputs: ["x", "dy", "mean", "rstd", "weight", "dweight", "dbias"],
  outputs: ["dx"],
  shape: ({ x }) => ({ dx: x }),
  pointwise: {
    wgsl: applyWgsl,
    first: {
      scale: { fn: "batch_norm_scale", args: [3, 4] },
      slope: { fn: "batch_norm_slope", args: [5, 3], params: true },
      share: { fn: "batch_norm_share", args: [6], params: true },
    },
    fn: "batch_norm_backward",
    args: [0, 1, 2, "scale", "slope", "share"],
    params: (attrs) => [(attrs as { perValue: number }).perValue],
  },
  gradient: NONE,
});

const epsilon = (attrs: object) => [(attrs as { eps: number }).eps];

/** rstd of given variances. */
export const inverseDeviation = defineOp<"variance", "rstd", { eps: number }>({
  name: "batch_norm_rstd",
  inputs: ["variance"],
  outputs: ["rstd"],
  shape: ({ variance }) => ({ rstd: variance }),
  pointwise: { wgsl: applyWgsl, fn: "batch_norm_rstd", params: epsilon },
  gradient: NONE,
});

/** y from given statistics; its gradient is the caller's. */
export const evaluatePointwise = {
  wgsl: applyWgsl,
  first: { scale: { fn: "batch_norm_evaluate_scale", args: [2, 3], params: true } },
  fn: "batch_norm_normalise",
  args: [0, 1, "scale", 4],
  params: epsilon,
} as const;
