import { GraphError } from "../core/errors.ts";
import type { Node } from "../graph/graph.ts";
import { scalarConstant, type Value } from "../graph/value.ts";
import type { AvgAttrs } from "../ops/avg-pool2d.ts";
import type { ConvAttrs } from "../ops/conv-geometry.ts";
import type { PoolAttrs } from "../ops/pool-geometry.ts";
import { args, literal } from "./python.ts";

/** Nodes of a graph as expressions of torch, where a model's forward is code of its own. */

/** Names of values, and sizes with −1 for the one that grows with the batch. */
export interface Scope {
  /** Expression of the batch size. */
  batch(): string;
  name(value: Value): string;
  freeShape(value: Value, node: Node): readonly number[];
}

type Expression = (node: Node, scope: Scope) => string;

const x = (node: Node, scope: Scope): string => scope.name(node.inputs.x!);

const call =
  (name: string): Expression =>
  (node, scope) =>
    `${name}(${Object.values(node.inputs)
      .map((value) => scope.name(value))
      .join(", ")})`;

const infix =
  (sign: string): Expression =>
  (node, scope) =>
    `(${scope.name(node.inputs.a!)} ${sign} ${scope.name(node.inputs.b!)})`;

/** A call whose further arguments are numbers of the node. */
function withAttrs(name: string, rest: (attrs: never) => string): Expression {
  return (node, scope) => {
    const text = rest(node.attrs as never);
    return `${name}(${x(node, scope)}${text ? `, ${text}` : ""})`;
  };
}

/** The smaller or larger of two; a number bounds. */
function extreme(name: "minimum" | "maximum", bound: "min" | "max"): Expression {
  return (node, scope) => {
    const { a, b } = node.inputs as { a: Value; b: Value };
    const numbers = [a, b].map(scalarConstant);
    if (numbers[0] !== undefined) return `torch.clamp(${scope.name(b)}, ${bound}=${literal(numbers[0])})`;
    if (numbers[1] !== undefined) return `torch.clamp(${scope.name(a)}, ${bound}=${literal(numbers[1])})`;
    return `torch.${name}(${scope.name(a)}, ${scope.name(b)})`;
  };
}

function reduction(name: string): Expression {
  return withAttrs(name, ({ axes, keepDims }: { axes: readonly number[]; keepDims: boolean }) =>
    args([[...axes]], { keepdim: keepDims || undefined }),
  );
}

/** x with uneven margins first, where the function itself takes even ones only. */
function padded(
  input: string,
  { pad }: Pick<PoolAttrs, "pad">,
  fill: string,
): { text: string; padding: string } {
  const { top, left, bottom, right } = pad;
  if (top === bottom && left === right) return { text: input, padding: literal([top, left]) };
  return { text: `F.pad(${input}, ${literal([left, right, top, bottom])}, value=${fill})`, padding: "0" };
}

const conv: Expression = (node, scope) => {
  const attrs = node.attrs as ConvAttrs;
  const { text, padding } = padded(x(node, scope), attrs, "0.0");
  const { strideH, strideW, dilationH, dilationW, groups } = attrs;
  const rest = `${literal([strideH, strideW])}, ${padding}, ${literal([dilationH, dilationW])}, ${groups}`;
  return `F.conv2d(${text}, ${scope.name(node.inputs.weight!)}, None, ${rest})`;
};

const convTranspose: Expression = (node, scope) => {
  const attrs = node.attrs as ConvAttrs & { extraH: number; extraW: number };
  const { top, left, bottom, right } = attrs.pad;
  if (top !== bottom || left !== right) throw untranslated(node, "uneven margins");
  const rest = args([], {
    stride: [attrs.strideH, attrs.strideW],
    padding: [top, left],
    output_padding: [attrs.extraH, attrs.extraW],
    groups: attrs.groups,
    dilation: [attrs.dilationH, attrs.dilationW],
  });
  return `F.conv_transpose2d(${x(node, scope)}, ${scope.name(node.inputs.weight!)}, ${rest})`;
};

const maxPool: Expression = (node, scope) => {
  const attrs = node.attrs as PoolAttrs;
  const { text, padding } = padded(x(node, scope), attrs, 'float("-inf")');
  const [kernel, stride, dilation] = windows(attrs);
  return `F.max_pool2d(${text}, ${kernel}, ${stride}, ${padding}, ${dilation}, ${literal(attrs.ceilMode)})`;
};

const avgPool: Expression = (node, scope) => {
  const attrs = node.attrs as AvgAttrs;
  if (attrs.parts) return `F.adaptive_avg_pool2d(${x(node, scope)}, ${literal([...attrs.parts])})`;
  const { text, padding } = padded(x(node, scope), attrs, "0.0");
  if (text !== x(node, scope) && !attrs.countIncludePad)
    throw untranslated(node, "uneven margins that do not count");
  const [kernel, stride] = windows(attrs);
  return `F.avg_pool2d(${text}, ${kernel}, ${stride}, ${padding}, ${literal(attrs.ceilMode)}, ${literal(attrs.countIncludePad)})`;
};

function windows({ kernelH, kernelW, strideH, strideW, dilationH, dilationW }: PoolAttrs): string[] {
  return [literal([kernelH, kernelW]), literal([strideH, strideW]), literal([dilationH, dilationW])];
}

const batchNorm: Expression = (node, scope) => {
  const { eps, momentum } = node.attrs as { eps: number; momentum: number };
  const channels = node.inputs.x!.shape[1]!;
  const of = (name: string) => {
    const value = node.inputs[name];
    if (!value) return "None";
    // A number stands for an affine that is not there.
    return value.shape.length === 0 ? "None" : value.shape[0] === channels ? scope.name(value) : "None";
  };
  const mode = node.inputs.runningMean ? "self.training" : "True";
  return `F.batch_norm(${x(node, scope)}, ${of("runningMean")}, ${of("runningVar")}, ${of("weight")}, ${of("bias")}, ${mode}, ${literal(momentum ?? 0)}, ${literal(eps)})`;
};

/** Rows [1, rows, length], each by its own mean and deviation; anything else is batch norm without running statistics. */
const standardise: Expression = (node, scope) => {
  const { shape } = node.inputs.x!;
  if (shape.length !== 3 || shape[0] !== 1) return batchNorm(node, scope);
  const { eps } = node.attrs as { eps: number };
  return `F.layer_norm(${x(node, scope)}, (${shape[2]},), eps=${literal(eps)})`;
};

const reshape: Expression = (node, scope) =>
  `${x(node, scope)}.reshape(${scope.freeShape(node.outputs.y!, node).join(", ")})`;

/** expand takes the batch as a number; anywhere else −1 keeps what x has. */
const broadcastTo: Expression = (node, scope) => {
  const [given, result] = [node.inputs.x!, node.outputs.y!];
  const offset = result.shape.length - given.shape.length;
  const sizes = scope.freeShape(result, node).map((size, axis) => {
    const isKept = given.shape[axis - offset] === result.shape[axis];
    return size === -1 && !isKept ? scope.batch() : `${size}`;
  });
  return `${x(node, scope)}.expand(${sizes.join(", ")})`;
};

const slice: Expression = (node, scope) => {
  const { begin, step, size } = node.attrs as Record<"begin" | "step" | "size", readonly number[]>;
  const cuts = size.map((count, axis) => {
    if (count === node.inputs.x!.shape[axis]) return ":";
    const end = begin[axis]! + (count - 1) * step[axis]! + 1;
    return `${begin[axis]}:${end}${step[axis] === 1 ? "" : `:${step[axis]}`}`;
  });
  return `${x(node, scope)}[${cuts.join(", ")}]`;
};

const pad: Expression = (node, scope) => {
  const { begin, step, shape, fill } = node.attrs as Record<"begin" | "step" | "shape", readonly number[]> & {
    fill: number;
  };
  if (step.some((one) => one !== 1)) throw untranslated(node, "elements apart");
  const margins = shape
    .flatMap((size, axis) => [[begin[axis]!, size - begin[axis]! - node.inputs.x!.shape[axis]!]])
    .reverse()
    .flat();
  const value = new Float32Array(Uint32Array.of(fill).buffer)[0]!;
  return `F.pad(${x(node, scope)}, ${literal(margins)}, value=${literal(value)})`;
};

const matmul: Expression = (node, scope) => {
  const { transposeA, transposeB } = node.attrs as { transposeA: boolean; transposeB: boolean };
  const operand = (name: "a" | "b", turned: boolean) =>
    `${scope.name(node.inputs[name]!)}${turned ? ".transpose(-2, -1)" : ""}`;
  return `(${operand("a", transposeA)} @ ${operand("b", transposeB)})`;
};

const clamp = withAttrs("torch.clamp", ({ min, max }: { min?: number; max?: number }) =>
  args([], { min, max }),
);

export const EXPRESSIONS: Readonly<Record<string, Expression>> = {
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  div: infix("/"),
  pow: infix("**"),
  pow_by: (node, scope) => `${x(node, scope)} ** ${literal((node.attrs as { exponent: number }).exponent)}`,
  minimum: extreme("minimum", "max"),
  maximum: extreme("maximum", "min"),
  neg: (node, scope) => `(-${x(node, scope)})`,
  abs: call("torch.abs"),
  exp: call("torch.exp"),
  erf: call("torch.erf"),
  log: call("torch.log"),
  sqrt: call("torch.sqrt"),
  relu: call("F.relu"),
  selu: call("F.selu"),
  silu: call("F.silu"),
  gelu: call("F.gelu"),
  gelu_tanh: (node, scope) => `F.gelu(${x(node, scope)}, approximate="tanh")`,
  mish: call("F.mish"),
  hardswish: call("F.hardswish"),
  hardsigmoid: call("F.hardsigmoid"),
  sigmoid: call("torch.sigmoid"),
  tanh: call("torch.tanh"),
  prelu: (node, scope) => `F.prelu(${x(node, scope)}, ${scope.name(node.inputs.weight!)}.flatten())`,
  leaky_relu: withAttrs("F.leaky_relu", ({ negativeSlope }: { negativeSlope: number }) =>
    literal(negativeSlope),
  ),
  elu: withAttrs("F.elu", ({ alpha }: { alpha: number }) => literal(alpha)),
  softplus: withAttrs("F.softplus", ({ beta, threshold }: { beta: number; threshold: number }) =>
    args([beta, threshold]),
  ),
  clamp,
  softmax: withAttrs("torch.softmax", ({ axis }: { axis: number }) => literal(axis)),
  log_softmax: withAttrs("torch.log_softmax", ({ axis }: { axis: number }) => literal(axis)),
  sum: reduction("torch.sum"),
  mean: reduction("torch.mean"),
  max: reduction("torch.amax"),
  dropout: (node, scope) => {
    const { p, channels } = node.attrs as { p: number; channels: boolean };
    return `F.dropout${channels ? "2d" : ""}(${x(node, scope)}, ${literal(p)}, self.training)`;
  },
  conv2d: conv,
  conv_transpose2d: convTranspose,
  linear: (node, scope) => `F.linear(${scope.name(node.inputs.a!)}, ${scope.name(node.inputs.b!)})`,
  matmul,
  max_pool2d: maxPool,
  avg_pool2d: avgPool,
  batch_norm: standardise,
  batch_norm_running: batchNorm,
  batch_norm_tracked: batchNorm,
  reshape,
  broadcast_to: broadcastTo,
  permute: withAttrs("torch.permute", ({ axes }: { axes: readonly number[] }) => literal([...axes])),
  concat: (node, scope) => {
    const parts = Object.values(node.inputs).map((value) => scope.name(value));
    return `torch.cat([${parts.join(", ")}], ${(node.attrs as { axis: number }).axis})`;
  },
  slice,
  pad,
};

/** Refuses an op of one's own, or a form that torch does not have. */
export function untranslated(node: Node, what = `the op ${node.op.name}`): GraphError {
  return new GraphError({
    op: "exportPyTorch",
    problem: `${what} has no counterpart in torch here`,
    at: node.path,
    fix: "write this module by hand in model.py, with the same names of parameters",
  });
}
