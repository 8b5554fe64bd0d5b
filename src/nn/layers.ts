import { knownOptions, type OptionNames } from "../core/known-options.ts";
import type { Initialiser } from "../graph/value.ts";
import {
  type ConvTranspose2dOptions,
  convTranspose2d as convTranspose2dOp,
} from "../ops/conv-transpose2d.ts";
import { type Conv2dOptions, conv2d as conv2dOp } from "../ops/conv2d.ts";
import { linear as linearOp } from "../ops/linear.ts";
import { positiveInteger } from "./check.ts";
import { torchDefault } from "./init.ts";
import { type Module, makeModule, type StateDeclaration } from "./module.ts";

/** Initial values; PyTorch's defaults where absent. */
export interface InitOptions {
  readonly weightInit?: Initialiser;
  readonly biasInit?: Initialiser;
  /** Default true. */
  readonly bias?: boolean;
}

/** Options of a convolution layer. */
export interface Conv2dLayerOptions extends Conv2dOptions, InitOptions {
  /** Window height and width, or one number for both. */
  readonly kernel: number | readonly [number, number];
}

export interface ConvTranspose2dLayerOptions extends ConvTranspose2dOptions, InitOptions {
  readonly kernel: number | readonly [number, number];
}

const INIT: OptionNames<InitOptions> = { weightInit: true, biasInit: true, bias: true };
const CONV: OptionNames<Conv2dOptions> = { stride: true, padding: true, dilation: true, groups: true };

function weightAndBias(
  weight: readonly number[],
  outputs: number,
  fan: number,
  { bias = true, weightInit, biasInit }: InitOptions,
): Record<string, StateDeclaration> {
  return {
    weight: { shape: weight, role: "parameter", init: weightInit ?? torchDefault(fan) },
    ...(bias && {
      bias: { shape: [outputs], role: "parameter" as const, init: biasInit ?? torchDefault(fan) },
    }),
  };
}

function window(kernel: number | readonly [number, number]): readonly [number, number] {
  return typeof kernel === "number" ? [kernel, kernel] : kernel;
}

/**
 * 2-D convolution (cross-correlation) layer.
 * Shapes  x [N, inChannels, H, W]; y [N, outChannels, P, Q]; weight [outChannels, inChannels/groups, R, S]
 * Errors  OptionError for channels that groups do not divide; ShapeError from the op
 * Source  initial values as torch.nn.Conv2d
 */
export function conv2d(inChannels: number, outChannels: number, options: Conv2dLayerOptions): Module {
  knownOptions("nn.conv2d", options, { ...INIT, ...CONV, kernel: true });
  const { kernel, weightInit: _w, biasInit: _b, bias: _bias, ...conv } = options;
  const [r, s] = window(kernel);
  const groups = options.groups ?? 1;
  positiveInteger("nn.conv2d", { inChannels, outChannels, "kernel height": r, "kernel width": s, groups });
  positiveInteger("nn.conv2d", {
    "inChannels / groups": inChannels / groups,
    "outChannels / groups": outChannels / groups,
  });
  const perGroup = inChannels / groups;
  return makeModule({
    kind: "conv2d",
    attrs: { inChannels, outChannels, kernel: [r, s], ...conv },
    states: weightAndBias([outChannels, perGroup, r, s], outChannels, perGroup * r * s, options),
    forward: (x, { weight, bias }) => conv2dOp(x, weight!, bias ?? null, conv),
  });
}

/**
 * 2-D transposed convolution layer.
 * Shapes  x [N, inChannels, H, W]; weight [inChannels, outChannels/groups, R, S]
 * Source  initial values as torch.nn.ConvTranspose2d
 */
export function convTranspose2d(
  inChannels: number,
  outChannels: number,
  options: ConvTranspose2dLayerOptions,
): Module {
  knownOptions("nn.convTranspose2d", options, { ...INIT, ...CONV, kernel: true, outputPadding: true });
  const { kernel, weightInit: _w, biasInit: _b, bias: _bias, ...conv } = options;
  const [r, s] = window(kernel);
  const groups = options.groups ?? 1;
  positiveInteger("nn.convTranspose2d", {
    inChannels,
    outChannels,
    "kernel height": r,
    "kernel width": s,
    groups,
  });
  positiveInteger("nn.convTranspose2d", { "outChannels / groups": outChannels / groups });
  const perGroup = outChannels / groups;
  return makeModule({
    kind: "convTranspose2d",
    attrs: { inChannels, outChannels, kernel: [r, s], ...conv },
    states: weightAndBias([inChannels, perGroup, r, s], outChannels, perGroup * r * s, options),
    forward: (x, { weight, bias }) => convTranspose2dOp(x, weight!, bias ?? null, conv),
  });
}

/**
 * Fully connected layer.   y = x·weightᵀ + bias
 * Shapes  x [..., inFeatures]; y [..., outFeatures]; weight [outFeatures, inFeatures]
 * Source  initial values as torch.nn.Linear
 */
export function linear(inFeatures: number, outFeatures: number, options: InitOptions = {}): Module {
  knownOptions("nn.linear", options, INIT);
  positiveInteger("nn.linear", { inFeatures, outFeatures });
  return makeModule({
    kind: "linear",
    attrs: { inFeatures, outFeatures },
    states: weightAndBias([outFeatures, inFeatures], outFeatures, inFeatures, options),
    forward: (x, { weight, bias }) => linearOp(x, weight!, bias ?? null),
  });
}
