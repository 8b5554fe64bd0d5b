import { type Callback, dataSet, Learner, nn } from "../../src/index.ts";
import type { Loss } from "../../src/nn/losses.ts";
import type { Module } from "../../src/nn/module.ts";
import type { StepSchedule } from "../../src/optim/hyper-schedules.ts";
import { adam, adamw, type Optimizer, sgd } from "../../src/optim/optimizer.ts";
import {
  decodeFloats,
  decodeIntegers,
  type EncodedTensor,
  type EncodedTensors,
  type GoldenLayer,
  type GoldenLoss,
  type GoldenOptimizer,
  type GoldenState,
  type NamedLayers,
} from "./load.ts";

/** Builds with the library what a golden file describes. */

/** The module of a layer description. */
export function buildModule(layer: GoldenLayer): Module {
  switch (layer.kind) {
    case "sequential":
      return nn.sequential(namedModules(layer.layers));
    case "residual":
      return nn.residual({
        body: nn.sequential(namedModules(layer.layers)),
        ...(layer.shortcut && { shortcut: nn.sequential(namedModules(layer.shortcut.layers)) }),
      });
    case "conv2d": {
      const { in: inputs, out, kernel, stride, padding, dilation, groups, bias } = layer;
      return nn.conv2d(inputs, out, { kernel, stride, padding, dilation, groups, bias });
    }
    case "linear":
      return nn.linear(layer.in, layer.out, { bias: layer.bias });
    case "batchNorm": {
      const { features, eps, momentum, affine, trackRunningStats } = layer;
      return nn.batchNorm(features, { eps, momentum, affine, trackRunningStats });
    }
    case "layerNorm":
      return nn.layerNorm(layer.normalizedShape, { eps: layer.eps, affine: layer.affine });
    case "groupNorm":
      return nn.groupNorm(layer.groups, layer.features, { eps: layer.eps, affine: layer.affine });
    case "instanceNorm":
      return nn.instanceNorm(layer.features, { eps: layer.eps, affine: layer.affine });
    case "gelu":
      return nn.gelu(layer.approximate);
    case "maxPool2d": {
      const { kernel, stride, padding, dilation, ceilMode } = layer;
      return nn.maxPool2d(kernel, { stride, padding, dilation, ceilMode });
    }
    case "avgPool2d": {
      const { kernel, stride, padding, ceilMode, countIncludePad } = layer;
      return nn.avgPool2d(kernel, { stride, padding, ceilMode, countIncludePad });
    }
    default:
      return {
        relu: nn.relu,
        silu: nn.silu,
        tanh: nn.tanh,
        sigmoid: nn.sigmoid,
        flatten: nn.flatten,
        globalAvgPool2d: nn.globalAvgPool2d,
      }[layer.kind]();
  }
}

function namedModules(layers: NamedLayers): Record<string, Module> {
  return Object.fromEntries(layers.map(([name, layer]) => [name, buildModule(layer)]));
}

export function buildLoss(loss: GoldenLoss): Loss {
  switch (loss.kind) {
    case "crossEntropy": {
      const { kind: _, ...options } = loss;
      return nn.crossEntropy(options);
    }
    case "mse":
      return nn.mse();
    case "huber":
      return nn.huber({ delta: loss.delta });
    case "bceWithLogits":
      return nn.bceWithLogits({ posWeight: loss.posWeight });
  }
}

export function buildOptimizer(
  optimizer: GoldenOptimizer,
  clip: { readonly norm: number } | { readonly value: number } | null = null,
): Optimizer {
  const groups = optimizer.groups.map(({ params, lrFactor, weightDecay }) => ({
    match: params,
    lrFactor,
    weightDecay,
  }));
  const clipping = clip ? ("norm" in clip ? { clipNorm: clip.norm } : { clipValue: clip.value }) : {};
  if (optimizer.kind === "sgd") {
    const { dampening, nesterov } = optimizer;
    // Momentum comes from the table; 0.9 only says that there is some.
    return sgd({ momentum: 0.9, dampening, nesterov, groups, ...clipping });
  }
  const { beta2, eps } = optimizer;
  return (optimizer.kind === "adam" ? adam : adamw)({ betas: [0.9, beta2], eps, groups, ...clipping });
}

export interface GoldenLearnerInit {
  readonly device: GPUDevice;
  readonly model: GoldenLayer;
  readonly loss: GoldenLoss;
  readonly optimizer: Optimizer;
  /** [batches, batch, ...], in the order of training. */
  readonly inputs: EncodedTensor;
  readonly targets: EncodedTensor;
  /** Batch of each (micro-)step. */
  readonly order: readonly number[];
  readonly accumulate?: number;
  readonly callbacks?: readonly Callback[];
}

/** A learner whose data are the file's batches in the given order. */
export function goldenLearner(init: GoldenLearnerInit): Learner {
  const { inputs, targets, order } = init;
  const batchSize = inputs.shape[1]!;
  return new Learner({
    device: init.device,
    model: buildModule(init.model),
    loss: buildLoss(init.loss),
    optimizer: init.optimizer,
    batchSize,
    shuffle: false,
    accumulate: init.accumulate ?? 1,
    ...(init.callbacks && { callbacks: init.callbacks }),
    data: {
      train: dataSet({
        inputs: { data: repeated(decodeFloats(inputs), inputs, order), shape: inputs.shape.slice(2) },
        targets: {
          data:
            targets.dtype === "i32"
              ? repeated(decodeIntegers(targets), targets, order)
              : repeated(decodeFloats(targets), targets, order),
          shape: targets.shape.slice(2),
        },
      }),
    },
  });
}

function repeated<T extends Float32Array | Int32Array>(
  data: T,
  { shape }: EncodedTensor,
  order: readonly number[],
): T {
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  const out = new (data.constructor as new (length: number) => T)(order.length * size);
  order.forEach((batch, i) => {
    out.set(data.subarray(batch * size, (batch + 1) * size), i * size);
  });
  return out;
}

/** lr and momentum from tables. */
export function tabulated(lr: readonly number[], momentum: readonly number[]): StepSchedule {
  return (step) => ({ lr: lr[step]!, momentum: momentum[step]! });
}

/** Tensors as arrays by name. */
export function decodeAll(tensors: EncodedTensors): Record<string, Float32Array | Int32Array> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      tensor.dtype === "i32" ? decodeIntegers(tensor) : decodeFloats(tensor),
    ]),
  );
}

const MOMENTS: Readonly<Record<string, string>> = {
  momentum: "velocity",
  first: "firstMoment",
  second: "secondMoment",
};

/** Optimizer state of a golden file by our names. */
export function optimizerMoments(state: GoldenState): Record<string, Record<string, Float32Array>> {
  const moments: Record<string, Record<string, Float32Array>> = {};
  for (const [name, tensor] of Object.entries(state.optimizer)) {
    const dot = name.lastIndexOf(".");
    const moment = MOMENTS[name.slice(dot + 1)]!;
    moments[moment] = { ...moments[moment], [name.slice(0, dot)]: decodeFloats(tensor) };
  }
  return moments;
}
