export { type ParallelOptions, parallel, residual, sequential } from "./containers.ts";
export * as init from "./init.ts";
export {
  type Conv2dLayerOptions,
  type ConvTranspose2dLayerOptions,
  conv2d,
  convTranspose2d,
  type InitOptions,
  linear,
} from "./layers.ts";
export {
  bceWithLogits,
  type CrossEntropyLossOptions,
  crossEntropy,
  huber,
  type Loss,
  l1,
  mse,
  nll,
} from "./losses.ts";
export { lambda, type Module, module, type Values } from "./module.ts";
export { type BatchNormOptions, batchNorm, groupNorm, instanceNorm, layerNorm } from "./norms.ts";
export {
  adaptiveAvgPool2d,
  avgPool2d,
  dropout,
  dropout2d,
  elu,
  flatten,
  gelu,
  globalAvgPool2d,
  globalMaxPool2d,
  hardsigmoid,
  hardswish,
  identity,
  leakyRelu,
  logSoftmax,
  maxPool2d,
  mish,
  prelu,
  relu,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
  upsampleNearest,
} from "./simple.ts";
