import type { AnyModule } from "../nn/module.ts";
import type { Pair, Sides } from "../ops/conv-geometry.ts";
import { args, type PythonValue } from "./python.ts";

/** Layers of ours as the layers of torch.nn that they follow. */

/** What a layer's text is made from: its attributes, whether it has a bias, and the rank of what it is given. */
interface LayerContext {
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly module: AnyModule;
  readonly rank: number;
}

type Writer = (context: LayerContext) => string;

const plain =
  (type: string): Writer =>
  () =>
    `nn.${type}()`;

function get<T extends PythonValue>(attrs: LayerContext["attrs"], name: string): T | undefined {
  return attrs[name] as T | undefined;
}

/** Sides as [left, right, top, bottom], as torch's padding functions take them; undefined where they are symmetric. */
export function unevenSides(padding: Pair | Sides | undefined): [number, number, number, number] | undefined {
  if (typeof padding !== "object" || !("top" in padding)) return undefined;
  const { top, left, bottom, right } = padding;
  return top === bottom && left === right ? undefined : [left, right, top, bottom];
}

/** One number for a window that is as high as wide. */
function square(kernel: PythonValue): PythonValue {
  return Array.isArray(kernel) && kernel[0] === kernel[1] ? kernel[0] : kernel;
}

/** Symmetric padding as one number or a pair. */
function evenPadding(padding: Pair | Sides | undefined): Pair {
  if (padding === undefined) return 0;
  return typeof padding === "object" && "top" in padding ? [padding.top, padding.left] : padding;
}

function convolution(type: "Conv2d" | "ConvTranspose2d"): Writer {
  return ({ attrs, module }) => {
    const padding = attrs.padding as Pair | Sides | undefined;
    const uneven = unevenSides(padding);
    const text = args([get(attrs, "inChannels"), get(attrs, "outChannels"), square(get(attrs, "kernel"))], {
      stride: get(attrs, "stride"),
      padding: uneven ?? (padding === undefined ? undefined : evenPadding(padding)),
      output_padding: get(attrs, "outputPadding"),
      dilation: get(attrs, "dilation"),
      groups: get(attrs, "groups"),
      bias: "bias" in module.states ? undefined : false,
    });
    return `${uneven ? "Padded" : "nn."}${type}(${text})`;
  };
}

function pool(type: "MaxPool2d" | "AvgPool2d"): Writer {
  return ({ attrs }) => {
    const padding = attrs.padding as Pair | Sides | undefined;
    const uneven = unevenSides(padding);
    const text = args([get(attrs, "kernel")], {
      stride: get(attrs, "stride"),
      padding: padding === undefined || uneven ? undefined : evenPadding(padding),
      dilation: get(attrs, "dilation"),
      ceil_mode: get(attrs, "ceilMode"),
      count_include_pad: get(attrs, "countIncludePad"),
    });
    const fill = type === "MaxPool2d" ? ', float("-inf")' : ", 0.0";
    return uneven
      ? `nn.Sequential(nn.ConstantPad2d(${args([uneven])}${fill}), nn.${type}(${text}))`
      : `nn.${type}(${text})`;
  };
}

function norm(type: "BatchNorm" | "InstanceNorm"): Writer {
  return ({ attrs, rank }) => {
    const defaults = type === "BatchNorm";
    const text = args([get(attrs, "features")], {
      eps: get(attrs, "eps") === 1e-5 ? undefined : get(attrs, "eps"),
      momentum: get(attrs, "momentum") === 0.1 ? undefined : get(attrs, "momentum"),
      affine: get(attrs, "affine") === defaults ? undefined : get(attrs, "affine"),
      track_running_stats:
        get(attrs, "trackRunningStats") === defaults ? undefined : get(attrs, "trackRunningStats"),
    });
    return `nn.${type}${rank === 4 ? 2 : 1}d(${text})`;
  };
}

export const LAYERS: Readonly<Record<string, Writer>> = {
  conv2d: convolution("Conv2d"),
  convTranspose2d: convolution("ConvTranspose2d"),
  linear: ({ attrs, module }) =>
    `nn.Linear(${args([get(attrs, "inFeatures"), get(attrs, "outFeatures")], { bias: "bias" in module.states ? undefined : false })})`,
  batchNorm: norm("BatchNorm"),
  instanceNorm: norm("InstanceNorm"),
  layerNorm: ({ attrs }) =>
    `nn.LayerNorm(${args([get(attrs, "normalizedShape")], { eps: get(attrs, "eps"), elementwise_affine: get(attrs, "affine") })})`,
  groupNorm: ({ attrs }) =>
    `nn.GroupNorm(${args([get(attrs, "groups"), get(attrs, "features")], { eps: get(attrs, "eps"), affine: get(attrs, "affine") })})`,
  maxPool2d: pool("MaxPool2d"),
  avgPool2d: pool("AvgPool2d"),
  adaptiveAvgPool2d: ({ attrs }) => `nn.AdaptiveAvgPool2d(${args([get(attrs, "outputSize")])})`,
  globalAvgPool2d: () => "nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())",
  globalMaxPool2d: () => "nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())",
  flatten: ({ attrs }) => `nn.Flatten(${args([get(attrs, "start"), get(attrs, "end")])})`,
  upsampleNearest: ({ attrs }) =>
    `nn.Upsample(${args([], { scale_factor: get(attrs, "scale"), mode: "nearest" })})`,
  dropout: ({ attrs }) => `nn.Dropout(${args([get(attrs, "p")])})`,
  dropout2d: ({ attrs }) => `nn.Dropout2d(${args([get(attrs, "p")])})`,
  prelu: ({ attrs }) => `nn.PReLU(${args([get(attrs, "features")])})`,
  leakyRelu: ({ attrs }) => `nn.LeakyReLU(${args([get(attrs, "negativeSlope")])})`,
  elu: ({ attrs }) => `nn.ELU(${args([get(attrs, "alpha")])})`,
  gelu: ({ attrs }) => `nn.GELU(${args([], { approximate: get(attrs, "approximate") })})`,
  softplus: ({ attrs }) =>
    `nn.Softplus(${args([], { beta: get(attrs, "beta"), threshold: get(attrs, "threshold") })})`,
  softmax: ({ attrs }) => `nn.Softmax(${args([get(attrs, "axis")])})`,
  logSoftmax: ({ attrs }) => `nn.LogSoftmax(${args([get(attrs, "axis")])})`,
  relu: plain("ReLU"),
  selu: plain("SELU"),
  silu: plain("SiLU"),
  hardswish: plain("Hardswish"),
  hardsigmoid: plain("Hardsigmoid"),
  sigmoid: plain("Sigmoid"),
  tanh: plain("Tanh"),
  mish: plain("Mish"),
  identity: plain("Identity"),
};
