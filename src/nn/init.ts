import { randomNormal, randomUnit } from "../core/random.ts";
import { numel, type Shape } from "../core/shape.ts";
import type { Initialiser } from "../graph/value.ts";

/** Inputs that feed one output: all axes but the first. */
export function fanIn(shape: Shape): number {
  return numel(shape.slice(1));
}

/** Outputs that one input feeds: the first axis times the window. */
export function fanOut(shape: Shape): number {
  return shape.length < 2 ? (shape[0] ?? 1) : shape[0]! * numel(shape.slice(2));
}

export const zeros: Initialiser = (shape) => new Float32Array(numel(shape));
export const ones: Initialiser = (shape) => new Float32Array(numel(shape)).fill(1);

/** An integer zero, for counters. */
export const zeroCount: Initialiser = (shape) => new Int32Array(numel(shape));

/** The same number everywhere. */
export function fill(value: number): Initialiser {
  return (shape) => new Float32Array(numel(shape)).fill(value);
}

/** Uniform in [−bound, bound). */
export function uniform(bound: number | ((shape: Shape) => number)): Initialiser {
  return (shape, key) => {
    const limit = typeof bound === "number" ? bound : bound(shape);
    return Float32Array.from({ length: numel(shape) }, (_, i) => (2 * randomUnit(key, i) - 1) * limit);
  };
}

/** Normal with mean 0. */
export function normal(deviation: number | ((shape: Shape) => number)): Initialiser {
  return (shape, key) => {
    const sigma = typeof deviation === "number" ? deviation : deviation(shape);
    return Float32Array.from({ length: numel(shape) }, (_, i) => randomNormal(key, i) * sigma);
  };
}

/** Which function follows, for the gain; `slope` is leaky ReLU's. */
export interface Nonlinearity {
  readonly nonlinearity?: "linear" | "relu" | "leakyRelu" | "tanh" | "sigmoid" | "selu";
  readonly slope?: number;
  readonly mode?: "fanIn" | "fanOut";
}

/**
 * Recommended gain: 1 (linear, sigmoid), √2 (ReLU), √(2/(1+slope²)) (leaky ReLU), 5/3 (tanh), 3/4 (SELU).
 * Source  torch.nn.init.calculate_gain
 */
export function gain({ nonlinearity = "relu", slope = 0.01 }: Nonlinearity = {}): number {
  switch (nonlinearity) {
    case "relu":
      return Math.SQRT2;
    case "leakyRelu":
      return Math.sqrt(2 / (1 + slope * slope));
    case "tanh":
      return 5 / 3;
    case "selu":
      return 3 / 4;
    default:
      return 1;
  }
}

function fan(shape: Shape, { mode = "fanIn" }: Nonlinearity): number {
  return mode === "fanIn" ? fanIn(shape) : fanOut(shape);
}

/** U(−b, b), b = gain·√(3/fan). Source  He et al. 2015 (arXiv:1502.01852) */
export function kaimingUniform(options: Nonlinearity = {}): Initialiser {
  return uniform((shape) => gain(options) * Math.sqrt(3 / fan(shape, options)));
}

/** N(0, gain²/fan). Source  He et al. 2015 (arXiv:1502.01852) */
export function kaimingNormal(options: Nonlinearity = {}): Initialiser {
  return normal((shape) => gain(options) / Math.sqrt(fan(shape, options)));
}

/** U(−b, b), b = gain·√(6/(fanIn+fanOut)); gain 1 unless a nonlinearity is named. Source  Glorot & Bengio 2010 */
export function xavierUniform(options: Nonlinearity = { nonlinearity: "linear" }): Initialiser {
  return uniform((shape) => gain(options) * Math.sqrt(6 / (fanIn(shape) + fanOut(shape))));
}

/** N(0, gain²·2/(fanIn+fanOut)). Source  Glorot & Bengio 2010 */
export function xavierNormal(options: Nonlinearity = { nonlinearity: "linear" }): Initialiser {
  return normal((shape) => gain(options) * Math.sqrt(2 / (fanIn(shape) + fanOut(shape))));
}

/** PyTorch's default of convolutions and linear layers: U(−1/√fan, 1/√fan), for weight and bias alike. */
export function torchDefault(fanOfWeight: number): Initialiser {
  return uniform(fanOfWeight > 0 ? 1 / Math.sqrt(fanOfWeight) : 0);
}
