import type { Node } from "../graph/graph.ts";
import { type Emission, type Emitter, inputNames } from "./emit.ts";
import type { Attributes } from "./graph-builder.ts";

/** An ONNX operator of the same inputs in the same order. */
function same(type: string, attributes: (attrs: never) => Attributes = () => ({})): Emitter {
  return (node, emission) =>
    emission.builder.node(type, inputNames(node, emission), attributes(node.attrs as never));
}

function x(node: Node, emission: Emission): string {
  return emission.nameOf(node.inputs.x!);
}

/** x/2 · (1 + erf(x/√2)): Gelu itself came with opset 20. */
const gelu: Emitter = (node, emission) => {
  const { builder } = emission;
  const input = x(node, emission);
  const scaled = builder.node("Mul", [input, builder.number(Math.SQRT1_2)]);
  const share = builder.node("Add", [builder.node("Erf", [scaled]), builder.number(1)]);
  return builder.node("Mul", [builder.node("Mul", [input, builder.number(0.5)]), share]);
};

/** x/2 · (1 + tanh(√(2/π)·(x + 0.044715 x³))) */
const geluTanh: Emitter = (node, emission) => {
  const { builder } = emission;
  const input = x(node, emission);
  const cube = builder.node("Mul", [builder.node("Mul", [input, input]), input]);
  const bent = builder.node("Add", [input, builder.node("Mul", [cube, builder.number(0.044715)])]);
  const tangent = builder.node("Tanh", [builder.node("Mul", [bent, builder.number(Math.sqrt(2 / Math.PI))])]);
  const share = builder.node("Add", [tangent, builder.number(1)]);
  return builder.node("Mul", [builder.node("Mul", [input, builder.number(0.5)]), share]);
};

const silu: Emitter = (node, emission) => {
  const input = x(node, emission);
  return emission.builder.node("Mul", [input, emission.builder.node("Sigmoid", [input])]);
};

/** x·tanh(softplus(x)): Mish itself came with opset 18. */
const mish: Emitter = (node, emission) => {
  const { builder } = emission;
  const input = x(node, emission);
  return builder.node("Mul", [input, builder.node("Tanh", [builder.node("Softplus", [input])])]);
};

/** log(1 + e^(βx))/β. Above the threshold ours is x itself, from which this differs by less than f32 shows. */
const softplus: Emitter = (node, emission) => {
  const { builder } = emission;
  const { beta } = node.attrs as { beta: number };
  if (beta === 1) return builder.node("Softplus", [x(node, emission)]);
  const scaled = builder.node("Mul", [x(node, emission), builder.number(beta)]);
  return builder.node("Div", [builder.node("Softplus", [scaled]), builder.number(beta)]);
};

const powBy: Emitter = (node, emission) => {
  const { exponent } = node.attrs as { exponent: number };
  return emission.builder.node("Pow", [x(node, emission), emission.builder.number(exponent)]);
};

const clamp: Emitter = (node, emission) => {
  const { min, max } = node.attrs as { min?: number; max?: number };
  const bounds = [min, max].map((bound) => (bound === undefined ? "" : emission.builder.number(bound)));
  if (bounds[1] === "") bounds.pop();
  return emission.builder.node("Clip", [x(node, emission), ...bounds]);
};

export const POINTWISE: Readonly<Record<string, Emitter>> = {
  add: same("Add"),
  sub: same("Sub"),
  mul: same("Mul"),
  div: same("Div"),
  pow: same("Pow"),
  minimum: same("Min"),
  maximum: same("Max"),
  neg: same("Neg"),
  abs: same("Abs"),
  exp: same("Exp"),
  erf: same("Erf"),
  log: same("Log"),
  sqrt: same("Sqrt"),
  relu: same("Relu"),
  sigmoid: same("Sigmoid"),
  tanh: same("Tanh"),
  hardswish: same("HardSwish"),
  selu: same("Selu"),
  prelu: same("PRelu"),
  leaky_relu: same("LeakyRelu", ({ negativeSlope }: { negativeSlope: number }) => ({
    alpha: { float: negativeSlope },
  })),
  elu: same("Elu", ({ alpha }: { alpha: number }) => ({ alpha: { float: alpha } })),
  hardsigmoid: same("HardSigmoid", () => ({ alpha: { float: 1 / 6 }, beta: { float: 0.5 } })),
  gelu,
  gelu_tanh: geluTanh,
  silu,
  mish,
  softplus,
  pow_by: powBy,
  clamp,
};
