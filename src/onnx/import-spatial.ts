import { ceilDiv, numel, sameShape } from "../core/shape.ts";
import { constant } from "../graph/leaf.ts";
import { withMode } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import type { Sides } from "../ops/conv-geometry.ts";
import * as ops from "../ops/index.ts";
import { type Call, type Runner, single } from "./call.ts";

/** Convolutions, pools, resizing and normalisation: operators on images [N, C, H, W]. */

interface Window {
  readonly kernel: [number, number];
  readonly stride: [number, number];
  readonly dilation: [number, number];
}

function windowOf(call: Call, kernel: [number, number]): Window {
  return { kernel, stride: call.pair("strides", 1), dilation: call.pair("dilations", 1) };
}

/** Margins of a window: given, or those with which the output is ⌈size / stride⌉. */
function sidesOf(call: Call, x: Value, { kernel, stride, dilation }: Window): Sides {
  const auto = call.text("auto_pad", "NOTSET");
  if (x.shape.length !== 4) call.fail("rank of x", "4 ([N, C, H, W])", `${x.shape.length}`);
  if (auto === "NOTSET") {
    const [top, left, bottom, right] = call.numbers("pads") ?? [0, 0, 0, 0];
    if (right === undefined) call.fail("pads", "four numbers", `${call.numbers("pads")}`);
    return { top: top!, left: left!, bottom: bottom!, right };
  }
  if (auto === "VALID") return { top: 0, left: 0, bottom: 0, right: 0 };
  const [h, w] = [0, 1].map((axis) => {
    const size = x.shape[axis + 2]!;
    const span = dilation[axis]! * (kernel[axis]! - 1) + 1;
    return Math.max(0, (ceilDiv(size, stride[axis]!) - 1) * stride[axis]! + span - size);
  }) as [number, number];
  return placed(call, auto, h, w);
}

/** Margins of a total height and width; the odd one lies behind (SAME_UPPER) or before. */
function placed(call: Call, auto: string, h: number, w: number): Sides {
  if (auto !== "SAME_UPPER" && auto !== "SAME_LOWER") {
    call.fail("auto_pad", "NOTSET, VALID, SAME_UPPER or SAME_LOWER", auto);
  }
  const before = (total: number) => (auto === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2));
  const [top, left] = [before(h), before(w)];
  return { top, left, bottom: h - top, right: w - left };
}

function kernelOf(call: Call, weight: Value): [number, number] {
  if (weight.shape.length !== 4)
    call.fail("rank of the weight", "4 (images have two axes)", `${weight.shape.length}`);
  return [weight.shape[2]!, weight.shape[3]!];
}

const conv = single((call) => {
  const [x, weight] = [call.value(0), call.value(1)];
  const { kernel, ...window } = windowOf(call, kernelOf(call, weight));
  const padding = sidesOf(call, x, { kernel, ...window });
  return ops.conv2d(x, weight, call.optional(2), { ...window, padding, groups: call.int("group", 1) });
});

const convTranspose = single((call) => {
  const [x, weight] = [call.value(0), call.value(1)];
  const { kernel, stride, dilation } = windowOf(call, kernelOf(call, weight));
  const outputPadding = call.pair("output_padding", 0);
  const shape = call.numbers("output_shape");
  const auto = call.text("auto_pad", "NOTSET");
  let padding = sidesOf(call, x, { kernel, stride, dilation });
  if (shape || auto.startsWith("SAME")) {
    const [h, w] = [0, 1].map((axis) => {
      const size = x.shape[axis + 2]!;
      const wanted = shape ? shape.at(axis - 2)! : size * stride[axis]!;
      const span = dilation[axis]! * (kernel[axis]! - 1) + 1;
      return Math.max(0, stride[axis]! * (size - 1) + outputPadding[axis]! + span - wanted);
    }) as [number, number];
    // Unlike in a convolution the odd margin lies before, unless SAME_UPPER says otherwise.
    padding = placed(call, auto === "SAME_UPPER" ? "SAME_UPPER" : "SAME_LOWER", h, w);
  }
  const options = { stride, dilation, padding, outputPadding, groups: call.int("group", 1) };
  return ops.convTranspose2d(x, weight, call.optional(2), options);
});

function pooling(run: (x: Value, call: Call, window: Window, padding: Sides) => Value): Runner {
  return single((call) => {
    const x = call.value(0);
    const window = windowOf(call, call.pair("kernel_shape", 0));
    return run(x, call, window, sidesOf(call, x, window));
  });
}

const maxPool = pooling((x, call, window, padding) =>
  ops.maxPool2d(x, { ...window, padding, ceilMode: call.int("ceil_mode", 0) !== 0 }),
);

const average = pooling((x, call, { dilation, ...window }, padding) => {
  if (dilation.some((one) => one !== 1)) call.fail("dilations", "1", `${dilation}`);
  const countIncludePad = call.int("count_include_pad", 0) !== 0;
  return ops.avgPool2d(x, { ...window, padding, countIncludePad, ceilMode: call.int("ceil_mode", 0) !== 0 });
});

/** Over three axes only with windows of one column, as torch writes its local response norm: two axes are one then. */
const averagePool: Runner = (call) => {
  const [x, kernel] = [call.operand(0), call.numbers("kernel_shape")];
  const last = (name: string, fallback: number) => call.numbers(name)?.[2] ?? fallback;
  if (kernel?.length !== 3 || x.shape.length !== 5) return average(call);
  const pads = call.numbers("pads") ?? [0, 0, 0, 0, 0, 0];
  const single =
    kernel[2] === 1 &&
    kernel[1] === 1 &&
    last("strides", 1) === 1 &&
    !pads[2] &&
    !pads[5] &&
    !pads[1] &&
    !pads[4];
  if (!single) call.fail("kernel_shape", "two numbers (images have two axes)", `${kernel}`);
  const flat = ops.reshape(call.value(0), [...x.shape.slice(0, 3), x.shape[3]! * x.shape[4]!]);
  const y = ops.avgPool2d(flat, {
    kernel: [kernel[0]!, 1],
    stride: [call.numbers("strides")?.[0] ?? 1, 1],
    padding: { top: pads[0]!, bottom: pads[3]!, left: 0, right: 0 },
    countIncludePad: call.int("count_include_pad", 0) !== 0,
  });
  return [ops.reshape(y, [...y.shape.slice(0, 3), x.shape[3]!, x.shape[4]!])];
};

/** Running statistics where they are weights of the file; they move in training. */
const batchNorm = single((call) => {
  const x = call.value(0);
  const [weight, bias, runningMean, runningVar] = [1, 2, 3, 4].map((i) => call.value(i));
  const running = runningMean!.source.kind === "state" && runningVar!.source.kind === "state";
  const inputs = { weight: weight!, bias: bias!, runningMean: runningMean!, runningVar: runningVar! };
  // ONNX's momentum is the weight of the old statistics.
  const options = { eps: call.float("epsilon", 1e-5), momentum: 1 - call.float("momentum", 0.9) };
  if (call.int("spatial", 1) === 0) call.fail("spatial", "1", "0");
  return withMode(running ? call.mode : "eval", () => ops.batchNorm(x, inputs, options));
});

const instanceNorm = single((call) => {
  const inputs = { weight: call.value(1), bias: call.value(2) };
  return ops.instanceNorm(call.value(0), inputs, { eps: call.float("epsilon", 1e-5) });
});

const layerNorm = single((call) => {
  const [x, scale, bias] = [call.value(0), call.value(1), call.optional(2)];
  const axis = call.int("axis", -1);
  const normalizedShape = x.shape.slice(axis < 0 ? axis + x.shape.length : axis);
  const eps = call.float("epsilon", 1e-5);
  if (sameShape(scale.shape, normalizedShape) && (!bias || sameShape(bias.shape, normalizedShape))) {
    return ops.layerNorm(x, scale, bias, { normalizedShape, eps });
  }
  const scaled = ops.mul(ops.layerNorm(x, null, null, { normalizedShape, eps }), scale);
  return bias ? ops.add(scaled, bias) : scaled;
});

/** Scale and shift of one number a channel since opset 21, a group before. */
const groupNorm = single((call) => {
  const [x, scale, bias] = [call.value(0), call.value(1), call.value(2)];
  const groups = call.int("num_groups");
  const eps = call.float("epsilon", 1e-5);
  if (scale.shape[0] === x.shape[1]) return ops.groupNorm(x, scale, bias, { groups, eps });
  const rows = [x.shape[0]!, groups, -1];
  const normal = ops.reshape(ops.groupNorm(x, null, null, { groups, eps }), rows);
  const [g, b] = [scale, bias].map((value) => ops.reshape(value, [1, groups, 1]));
  return ops.reshape(ops.add(ops.mul(normal, g!), b!), x.shape);
});

/** Every value by the root of its neighbours across channels.   y = x / (k + α/size · Σ x²)^β */
const localResponse = single((call) => {
  const x = call.value(0);
  const size = call.int("size");
  const [n, c] = [x.shape[0]!, x.shape[1]!];
  const squares = ops.reshape(ops.mul(x, x), [n, 1, c, numel(x.shape.slice(2))]);
  const padding = { top: Math.floor((size - 1) / 2), bottom: Math.ceil((size - 1) / 2), left: 0, right: 0 };
  const means = ops.avgPool2d(squares, { kernel: [size, 1], stride: 1, padding });
  const scale = ops.add(
    ops.mul(ops.reshape(means, x.shape), call.float("alpha", 1e-4)),
    call.float("bias", 1),
  );
  return ops.div(x, ops.pow(scale, call.float("beta", 0.75)));
});

/** Place in the input, in pixels, of a pixel of the output. */
const COORDINATES: Readonly<
  Record<string, (place: number, scale: number, from: number, to: number) => number>
> = {
  half_pixel: (place, scale) => (place + 0.5) / scale - 0.5,
  pytorch_half_pixel: (place, scale, _, to) => (to > 1 ? (place + 0.5) / scale - 0.5 : 0),
  align_corners: (place, _, from, to) => (to > 1 ? (place * (from - 1)) / (to - 1) : 0),
  asymmetric: (place, scale) => place / scale,
};

const ROUNDING: Readonly<Record<string, (place: number) => number>> = {
  round_prefer_floor: (place) => Math.ceil(place - 0.5),
  round_prefer_ceil: (place) => Math.floor(place + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

interface Sampling {
  readonly linear: boolean;
  readonly coordinate: (place: number, scale: number, from: number, to: number) => number;
  readonly round: (place: number) => number;
}

function samplingOf(call: Call): Sampling {
  const isOld = call.node.type === "Upsample" || call.opset < 11;
  const mode = call.text("mode", "nearest");
  if (mode !== "nearest" && mode !== "linear" && mode !== "bilinear")
    call.fail("mode", "nearest or linear", mode);
  const transform = isOld ? "asymmetric" : call.text("coordinate_transformation_mode", "half_pixel");
  const nearest = isOld ? "floor" : call.text("nearest_mode", "round_prefer_floor");
  return {
    linear: mode !== "nearest",
    coordinate:
      COORDINATES[transform] ??
      call.fail("coordinate_transformation_mode", Object.keys(COORDINATES).join(", "), transform),
    round: ROUNDING[nearest] ?? call.fail("nearest_mode", Object.keys(ROUNDING).join(", "), nearest),
  };
}

/** Sizes and factors of the axes of an image. */
function resizedOf(call: Call, x: Value): { sizes: number[]; scales: number[] } {
  const at = call.node.type === "Upsample" || call.opset < 11 ? 1 : 2;
  const listed = call.numbers("scales") ?? call.hostNumbers(at);
  const scales = listed?.length ? [...listed] : undefined;
  const sizes = scales ? undefined : call.hostNumbers(3);
  const axes = call.numbers("axes") ?? x.shape.map((_, axis) => axis);
  const given = scales ?? sizes ?? call.fail("scales", "factors or sizes", "neither");
  const result = { sizes: [...x.shape], scales: x.shape.map(() => 1) };
  axes.forEach((axis, i) => {
    const size = x.shape[axis]!;
    result.sizes[axis] = scales ? Math.floor(size * given[i]! + 1e-6) : given[i]!;
    result.scales[axis] = scales ? given[i]! : given[i]! / size;
  });
  if (x.shape.length !== 4 || result.sizes[0] !== x.shape[0] || result.sizes[1] !== x.shape[1]) {
    call.fail("axes", "height and width of [N, C, H, W]", `sizes ${result.sizes}`);
  }
  call.size(result.sizes);
  return result;
}

/** Shares of the input's pixels in each of the output's along an axis: [to, from]. */
function shares(call: Call, sampling: Sampling, from: number, to: number, scale: number): Float32Array {
  if (!(to >= 1 && from * to <= 1 << 22)) call.fail("size", "at least 1 and not huge", `${to}`);
  const matrix = new Float32Array(from * to);
  const within = (place: number) => Math.min(Math.max(place, 0), from - 1);
  for (let i = 0; i < to; i++) {
    const place = sampling.coordinate(i, scale, from, to);
    const low = Math.floor(within(place));
    const share = sampling.linear ? within(place) - low : 0;
    const first = sampling.linear ? low : within(sampling.round(place));
    matrix[i * from + first]! += 1 - share;
    if (share > 0) matrix[i * from + within(low + 1)]! += share;
  }
  return matrix;
}

/** Whole factors repeat pixels; anything else is a product with the shares of rows and columns. */
const resize = single((call) => {
  const x = call.value(0);
  const sampling = samplingOf(call);
  const { sizes, scales } = resizedOf(call, x);
  const [h, w] = [2, 3].map((axis) => ({
    from: x.shape[axis]!,
    to: sizes[axis]!,
    matrix: shares(call, sampling, x.shape[axis]!, sizes[axis]!, scales[axis]!),
  }));
  const factors = [h!, w!].map(({ from, to }) => to / from) as [number, number];
  const repeats = [h!, w!].every(({ from, to, matrix }) => isRepetition(matrix, from, to));
  if (repeats) return ops.upsampleNearest(x, { scale: factors });
  const wide = ops.matmul(x, constant(w!.matrix, [w!.to, w!.from]), { transposeB: true });
  return ops.matmul(constant(h!.matrix, [h!.to, h!.from]), wide);
});

function isRepetition(matrix: Float32Array, from: number, to: number): boolean {
  const factor = to / from;
  return (
    Number.isInteger(factor) &&
    Array.from({ length: to }, (_, i) => matrix[i * from + Math.floor(i / factor)]).every(
      (share) => share === 1,
    )
  );
}

export const SPATIAL: Readonly<Record<string, Runner>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: single((call) => ops.globalAvgPool2d(call.value(0), { keepDims: true })),
  GlobalMaxPool: single((call) => ops.globalMaxPool2d(call.value(0), { keepDims: true })),
  BatchNormalization: batchNorm,
  InstanceNormalization: instanceNorm,
  LayerNormalization: layerNorm,
  GroupNormalization: groupNorm,
  LRN: localResponse,
  Resize: resize,
  Upsample: resize,
};
