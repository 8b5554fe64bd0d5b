import * as ops from "../ops/index.ts";
import { inRange } from "./check.ts";
import { fill } from "./init.ts";
import { lambda, type Module, makeModule } from "./module.ts";

type Window = number | readonly [number, number];

/** max(x, 0) */
export const relu = (): Module => lambda(ops.relu, "relu");
/** x where positive, else negativeSlope·x (default 0.01) */
export const leakyRelu = (negativeSlope = 0.01): Module =>
  lambda((x) => ops.leakyRelu(x, { negativeSlope }), "leakyRelu", { negativeSlope });
/** x where positive, else α·(eˣ − 1) */
export const elu = (alpha = 1): Module => lambda((x) => ops.elu(x, { alpha }), "elu", { alpha });
/** Scaled ELU with the self-normalising constants */
export const selu = (): Module => lambda(ops.selu, "selu");
/** x·Φ(x), or its tanh approximation */
export const gelu = (approximate: "none" | "tanh" = "none"): Module =>
  lambda((x) => ops.gelu(x, { approximate }), "gelu", { approximate });
/** x·σ(x) */
export const silu = (): Module => lambda(ops.silu, "silu");
/** x·clamp(x + 3, 0, 6)/6 */
export const hardswish = (): Module => lambda(ops.hardswish, "hardswish");
/** clamp(x + 3, 0, 6)/6 */
export const hardsigmoid = (): Module => lambda(ops.hardsigmoid, "hardsigmoid");
/** 1/(1 + e⁻ˣ) */
export const sigmoid = (): Module => lambda(ops.sigmoid, "sigmoid");
/** Hyperbolic tangent */
export const tanh = (): Module => lambda(ops.tanh, "tanh");
/** ln(1 + e^(βx))/β */
export const softplus = (options: { readonly beta?: number; readonly threshold?: number } = {}): Module =>
  lambda((x) => ops.softplus(x, options), "softplus", options);
/** x·tanh(softplus(x)) */
export const mish = (): Module => lambda(ops.mish, "mish");
/** Softmax along an axis (default the last) */
export const softmax = (axis = -1): Module => lambda((x) => ops.softmax(x, { axis }), "softmax", { axis });
/** Logarithm of the softmax along an axis (default the last) */
export const logSoftmax = (axis = -1): Module =>
  lambda((x) => ops.logSoftmax(x, { axis }), "logSoftmax", { axis });

/** x where positive, else weight·x with one trained slope, or one a channel. Source  He et al. 2015 */
export function prelu(features = 1, initial = 0.25): Module {
  return makeModule({
    kind: "prelu",
    attrs: { features },
    states: { weight: { shape: [features], role: "parameter", init: fill(initial) } },
    forward: (x, { weight }) => ops.prelu(x, weight!),
  });
}

/** Largest value of every window; the stride is the window where absent. */
export const maxPool2d = (kernel: Window, options: Omit<ops.MaxPool2dOptions, "kernel"> = {}): Module =>
  lambda((x) => ops.maxPool2d(x, { kernel, ...options }), "maxPool2d", { kernel, ...options });
/** Mean of every window; the stride is the window where absent. */
export const avgPool2d = (kernel: Window, options: Omit<ops.AvgPool2dOptions, "kernel"> = {}): Module =>
  lambda((x) => ops.avgPool2d(x, { kernel, ...options }), "avgPool2d", { kernel, ...options });
/** Mean over windows that divide the input into `outputSize` parts. */
export const adaptiveAvgPool2d = (outputSize: Window): Module =>
  lambda((x) => ops.adaptiveAvgPool2d(x, { outputSize }), "adaptiveAvgPool2d", { outputSize });
/** Mean over H and W: [N, C, H, W] to [N, C]. */
export const globalAvgPool2d = (): Module => lambda((x) => ops.globalAvgPool2d(x), "globalAvgPool2d");
/** Maximum over H and W: [N, C, H, W] to [N, C]. */
export const globalMaxPool2d = (): Module => lambda((x) => ops.globalMaxPool2d(x), "globalMaxPool2d");
/** Everything after the batch axis in one axis, in NCHW order. */
export const flatten = (start = 1, end = -1): Module =>
  lambda((x) => ops.flatten(x, { start, end }), "flatten", { start, end });
/** Every pixel repeated `scale` times along H and W. */
export const upsampleNearest = (scale: Window): Module =>
  lambda((x) => ops.upsampleNearest(x, { scale }), "upsampleNearest", { scale });
/** x unchanged. */
export const identity = (): Module => lambda((x) => x, "identity");

/** In training sets each value to 0 with probability p and scales the others by 1/(1 − p). */
export function dropout(p = 0.5): Module {
  inRange("nn.dropout", "p", p, 0, 1);
  return lambda((x) => ops.dropout(x, { p }), "dropout", { p });
}

/** Dropout of whole channels. */
export function dropout2d(p = 0.5): Module {
  inRange("nn.dropout2d", "p", p, 0, 1);
  return lambda((x) => ops.dropout2d(x, { p }), "dropout2d", { p });
}
