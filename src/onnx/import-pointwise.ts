import { formatShape, numel } from "../core/shape.ts";
import { withMode } from "../graph/trace.ts";
import { scalarConstant, type Value } from "../graph/value.ts";
import * as ops from "../ops/index.ts";
import { type Call, type Runner, single } from "./call.ts";
import { isHost, type Operand } from "./tensors.ts";

/** Operators on every element by itself. */

type Binary = (a: Value | number, b: Value | number) => Value;

/** The number of a constant of one element that leaves the rank of the other operand as it is. */
function numberOf(operand: Operand, other: Operand): number | undefined {
  if (!isHost(operand)) return scalarConstant(operand);
  const fits = numel(operand.shape) === 1 && operand.shape.length <= other.shape.length && !operand.integer;
  const value = operand.data[0]!;
  return fits && Number.isFinite(Math.fround(value)) ? value : undefined;
}

function binary(apply: Binary): Runner {
  return single((call) => {
    const [a, b] = [call.operand(0), call.operand(1)];
    if (call.int("broadcast", 0) && call.opset < 7)
      call.fail("broadcast", "the rule of opset 7", `opset ${call.opset}`);
    return apply(numberOf(a, b) ?? call.value(0), numberOf(b, a) ?? call.value(1));
  });
}

/** Any number of operands, one after another. */
function variadic(apply: Binary): Runner {
  return single((call) => {
    let result = call.value(0);
    for (let i = 1; i < call.count; i++)
      result = apply(result, numberOf(call.operand(i), result) ?? call.value(i));
    return result;
  });
}

function unary(apply: (x: Value, call: Call) => Value): Runner {
  return single((call) => apply(call.value(0), call));
}

/** Bounds beyond f32 mean none. */
function bound(value: number | undefined): number | undefined {
  return value === undefined || Math.abs(value) >= 3.4e38 ? undefined : value;
}

const clip = unary((x, call) => {
  const [attribute, input] = [
    (name: string) => bound(call.node.attributes.has(name) ? call.float(name, 0) : undefined),
    (i: number) => bound(call.hostNumbers(i)?.[0]),
  ];
  const [min, max] = call.opset < 11 ? [attribute("min"), attribute("max")] : [input(1), input(2)];
  if (min === undefined && max === undefined) return x;
  return ops.clamp(x, { ...(min !== undefined && { min }), ...(max !== undefined && { max }) });
});

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6;

const hardSigmoid = unary((x, call) => {
  const [alpha, beta] = [call.float("alpha", 0.2), call.float("beta", 0.5)];
  if (near(alpha, 1 / 6) && beta === 0.5) return ops.hardsigmoid(x);
  return ops.clamp(ops.add(ops.mul(x, alpha), beta), { min: 0, max: 1 });
});

const selu = unary((x, call) => {
  const [alpha, gamma] = [call.float("alpha", 1.6732632), call.float("gamma", 1.050701)];
  if (near(alpha, 1.6732632) && near(gamma, 1.050701)) return ops.selu(x);
  return ops.mul(ops.elu(x, { alpha }), gamma);
});

const celu = unary((x, call) => {
  const alpha = call.float("alpha", 1);
  return alpha === 1 ? ops.elu(x) : ops.mul(ops.elu(ops.div(x, alpha)), alpha);
});

/** Slopes [C, 1, 1] are one a channel; any others are broadcast: relu(x) − slope·relu(−x). */
const prelu = unary((x, call) => {
  const slope = call.value(1);
  const channels = slope.shape.length === x.shape.length - 1 && numel(slope.shape) === x.shape[1];
  if (numel(slope.shape) === 1) return ops.prelu(x, ops.reshape(slope, [1]));
  if (channels && slope.shape[0] === x.shape[1]) return ops.prelu(x, ops.reshape(slope, [x.shape[1]!]));
  return ops.sub(ops.relu(x), ops.mul(slope, ops.relu(ops.neg(x))));
});

const gelu = unary((x, call) => {
  const approximate = call.text("approximate", "none");
  if (approximate === "none" || approximate === "tanh") return ops.gelu(x, { approximate });
  return call.fail("approximate", "none or tanh", approximate);
});

/** Drops in training as the layer does; the second output, the mask, is not made. */
const dropout = unary((x, call) => {
  const p = call.opset < 12 ? call.float("ratio", 0.5) : (call.hostNumbers(1)?.[0] ?? 0.5);
  return withMode(call.mode, () => ops.dropout(x, { p }));
});

const cast = unary((x, call) => {
  const to = call.int("to");
  // f32, f16, f64 and bf16: all are f32 here.
  return [1, 10, 11, 16].includes(to) && x.dtype === "f32"
    ? x
    : call.fail("to", "floats of floats", `type ${to} of ${x.dtype} ${formatShape(x.shape)}`);
});

/** Along one axis since opset 13; before it all axes from `axis` on are one. */
function softmaxOf(apply: (x: Value, options: ops.SoftmaxOptions) => Value): Runner {
  return unary((x, call) => {
    if (call.opset >= 13) return apply(x, { axis: call.int("axis", -1) });
    const axis = call.int("axis", 1);
    const first = axis < 0 ? axis + x.shape.length : axis;
    if (first === x.shape.length - 1) return apply(x, { axis: first });
    const flat = ops.reshape(x, [numel(x.shape.slice(0, first)), numel(x.shape.slice(first))]);
    return ops.reshape(apply(flat, { axis: 1 }), x.shape);
  });
}

const mean = variadic(ops.add);

export const POINTWISE: Readonly<Record<string, Runner>> = {
  Add: binary(ops.add),
  Sub: binary(ops.sub),
  Mul: binary(ops.mul),
  Div: binary(ops.div),
  Pow: binary(ops.pow),
  Sum: variadic(ops.add),
  Min: variadic(ops.minimum),
  Max: variadic(ops.maximum),
  Mean: (call) => [ops.div(mean(call)[0] as Value, call.count)],
  Neg: unary(ops.neg),
  Abs: unary(ops.abs),
  Exp: unary(ops.exp),
  Log: unary(ops.log),
  Sqrt: unary(ops.sqrt),
  Erf: unary(ops.erf),
  Reciprocal: unary((x) => ops.div(1, x)),
  Relu: unary(ops.relu),
  Sigmoid: unary(ops.sigmoid),
  Tanh: unary(ops.tanh),
  HardSwish: unary(ops.hardswish),
  Mish: unary(ops.mish),
  Softplus: unary((x) => ops.softplus(x)),
  Softsign: unary((x) => ops.div(x, ops.add(ops.abs(x), 1))),
  LeakyRelu: unary((x, call) => ops.leakyRelu(x, { negativeSlope: call.float("alpha", 0.01) })),
  Elu: unary((x, call) => ops.elu(x, { alpha: call.float("alpha", 1) })),
  Celu: celu,
  Selu: selu,
  Gelu: gelu,
  PRelu: prelu,
  HardSigmoid: hardSigmoid,
  Clip: clip,
  Softmax: softmaxOf(ops.softmax),
  LogSoftmax: softmaxOf(ops.logSoftmax),
  Identity: unary((x) => x),
  Dropout: dropout,
  Cast: cast,
};
