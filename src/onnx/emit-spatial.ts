import { numel, type Shape } from "../core/shape.ts";
import { storedTensor } from "../files/tensor.ts";
import type { Node } from "../graph/graph.ts";
import { scalarConstant, type Value } from "../graph/value.ts";
import type { AvgAttrs } from "../ops/avg-pool2d.ts";
import type { ConvAttrs } from "../ops/conv-geometry.ts";
import type { PoolAttrs } from "../ops/pool-geometry.ts";
import { type Emission, type Emitter, perChannel } from "./emit.ts";
import type { Attributes } from "./graph-builder.ts";

/** The nodes behind a convolution that its own node can do: the bias, and batch norm where it is folded. */
interface Tail {
  readonly bias: Value | undefined;
  readonly norm: Node | undefined;
}

function tailOf(node: Node, channels: number, folds: boolean, emission: Emission): Tail {
  let last = node.outputs.y!;
  let bias: Value | undefined;
  const next = emission.onlyUse(last);
  if (next?.op.name === "add" && next.inputs.a === last) {
    bias = perChannel(next.inputs.b!, channels);
    if (bias) last = absorb(next, emission);
  }
  const norm = folds ? emission.onlyUse(last) : undefined;
  const isNorm = norm?.op.name === "batch_norm_evaluate" && norm.inputs.x === last;
  if (!isNorm || !normStates(norm, channels)) return { bias, norm: undefined };
  absorb(norm, emission);
  return { bias, norm };
}

function absorb(node: Node, emission: Emission): Value {
  emission.done.add(node);
  return node.outputs.y!;
}

/** Gives the name of a convolution's result to the last value that its node computes. */
function named(node: Node, tail: Tail, name: string, emission: Emission): string {
  const add = tail.bias && emission.onlyUse(node.outputs.y!);
  if (add) emission.setName(add.outputs.y!, name);
  if (tail.norm) emission.setName(tail.norm.outputs.y!, name);
  return name;
}

function convolution(type: "Conv" | "ConvTranspose"): Emitter {
  return (node, emission) => {
    const attrs = node.attrs as ConvAttrs & { extraH?: number; extraW?: number };
    const { weight, x } = node.inputs as { weight: Value; x: Value };
    const channels = node.outputs.y!.shape[1]!;
    const canFold = type === "Conv" && weight.source.kind === "state";
    const tail = tailOf(node, channels, canFold && emission.batchNorm === "fold", emission);
    const inputs = tail.norm
      ? folded(weight, tail, channels, emission)
      : [weight, ...(tail.bias ? [tail.bias] : [])].map((value) => emission.nameOf(value));
    const { top, left, bottom, right } = attrs.pad;
    const name = emission.builder.node(type, [emission.nameOf(x), ...inputs], {
      kernel_shape: weight.shape.slice(2),
      strides: [attrs.strideH, attrs.strideW],
      pads: [top, left, bottom, right],
      dilations: [attrs.dilationH, attrs.dilationW],
      group: attrs.groups,
      ...(type === "ConvTranspose" && { output_padding: [attrs.extraH!, attrs.extraW!] }),
    });
    return named(node, tail, name, emission);
  };
}

/** weight·γ/√(var + eps) and β + (bias − mean)·γ/√(var + eps), one factor a channel. */
function folded(weight: Value, { bias, norm }: Tail, channels: number, emission: Emission): string[] {
  const numbers = (value: Value, missing: number): ArrayLike<number> => {
    const { source } = value;
    if (source.kind === "state") return emission.valuesOf(source.state);
    return new Float64Array(channels).fill(scalarConstant(value) ?? missing);
  };
  const { mean, variance, weight: scale, bias: shift } = normStates(norm!, channels)!;
  const [m, v, g, b] = [numbers(mean!, 0), numbers(variance!, 1), numbers(scale!, 1), numbers(shift!, 0)];
  const before = bias ? numbers(bias, 0) : new Float64Array(channels);
  const { eps } = norm!.attrs as { eps: number };
  const factor = Float64Array.from(g, (value, c) => value / Math.sqrt(v[c]! + eps));
  const old = numbers(weight, 0);
  const each = old.length / channels;
  const newWeight = Float32Array.from(old, (value, i) => value * factor[Math.floor(i / each)]!);
  const newBias = Float32Array.from(factor, (value, c) => b[c]! + (before[c]! - m[c]!) * value);
  const { builder } = emission;
  const state = weight.source.kind === "state" ? weight.source.state.name : "weight";
  return [
    builder.weight(builder.name(state), storedTensor(weight.shape, newWeight)),
    builder.weight(builder.name(state.replace(/weight$/, "bias")), storedTensor([channels], newBias)),
  ];
}

/** Statistics and affine of a batch norm as states or numbers; undefined if one is computed. */
function normStates(node: Node, channels: number): Record<string, Value> | undefined {
  const found: Record<string, Value> = {};
  for (const name of ["mean", "variance", "weight", "bias"]) {
    const value = node.inputs[name]!;
    const plain = scalarConstant(value) === undefined ? perChannel(value, channels) : value;
    if (!plain) return undefined;
    found[name] = plain;
  }
  return found;
}

const batchNorm: Emitter = (node, emission) => {
  const { builder } = emission;
  const { eps } = node.attrs as { eps: number };
  const x = node.inputs.x!;
  const channels = x.shape[1]!;
  const parts = normStates(node, channels);
  if (parts) {
    const names = ["weight", "bias", "mean", "variance"].map((name) => {
      const number = scalarConstant(parts[name]!);
      return number === undefined
        ? emission.nameOf(parts[name]!)
        : builder.floats(new Array<number>(channels).fill(number), [channels]);
    });
    return builder.node("BatchNormalization", [emission.nameOf(x), ...names], { epsilon: { float: eps } });
  }
  const [mean, variance, weight, bias] = ["mean", "variance", "weight", "bias"].map((name) =>
    emission.nameOf(node.inputs[name]!),
  );
  const deviation = builder.node("Sqrt", [builder.node("Add", [variance!, builder.number(eps)])]);
  const centred = builder.node("Sub", [emission.nameOf(x), mean!]);
  const scaled = builder.node("Mul", [builder.node("Div", [centred, deviation]), weight!]);
  return builder.node("Add", [scaled, bias!]);
};

/** Batch norm by the batch's own statistics. Rows [1, N·groups, length] are instance normalisation of [N, groups, length]. */
const standardise: Emitter = (node, emission) => {
  const { builder } = emission;
  const { x, weight, bias } = node.inputs as Record<"x" | "weight" | "bias", Value>;
  const { eps } = node.attrs as { eps: number };
  const isPlain = scalarConstant(weight) === 1 && scalarConstant(bias) === 0;
  const rows = x.shape[1]!;
  const free = emission.freeShape(x, node);
  // Traced with a batch of two: the rows of one example are half of all.
  const groups = free[1] === -1 ? rows / TRACED_BATCH : rows;
  if (isPlain && x.shape.length === 3 && x.shape[0] === 1 && Number.isInteger(groups)) {
    const lines = builder.node("Reshape", [emission.nameOf(x), builder.integers([-1, groups, x.shape[2]!])]);
    const ones = builder.floats(new Array<number>(groups).fill(1), [groups]);
    const zeros = builder.floats(new Array<number>(groups).fill(0), [groups]);
    const attributes: Attributes = { epsilon: { float: eps } };
    const normal = builder.node("InstanceNormalization", [lines, ones, zeros], attributes);
    return builder.node("Reshape", [normal, builder.integers([1, -1, x.shape[2]!])]);
  }
  return byMoments(node, emission, eps);
};

/** Batch size of the first of the two traces. */
export const TRACED_BATCH = 2;

function byMoments(node: Node, emission: Emission, eps: number): string {
  const { builder } = emission;
  const { x, weight, bias } = node.inputs as Record<"x" | "weight" | "bias", Value>;
  const axes = x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const mean = (value: string) => builder.node("ReduceMean", [value], { axes, keepdims: 1 });
  const centred = builder.node("Sub", [emission.nameOf(x), mean(emission.nameOf(x))]);
  const variance = mean(builder.node("Mul", [centred, centred]));
  const deviation = builder.node("Sqrt", [builder.node("Add", [variance, builder.number(eps)])]);
  const shape = builder.integers([1, x.shape[1]!, ...x.shape.slice(2).map(() => 1)]);
  const channel = (value: Value) =>
    value.shape.length === 0
      ? emission.nameOf(value)
      : builder.node("Reshape", [emission.nameOf(value), shape]);
  const scaled = builder.node("Mul", [builder.node("Div", [centred, deviation]), channel(weight)]);
  return builder.node("Add", [scaled, channel(bias)]);
}

/** Margins [t, l, b, r] with which the windows are those of torch's ceil mode, though the operator rounds down. */
function marginsOf(x: Shape, y: Shape, attrs: PoolAttrs): [number, number, number, number] {
  const { pad, kernelH, kernelW, strideH, strideW, dilationH, dilationW } = attrs;
  if (!attrs.ceilMode) return [pad.top, pad.left, pad.bottom, pad.right];
  const after = (
    size: number,
    count: number,
    before: number,
    kernel: number,
    stride: number,
    dilation: number,
  ) => Math.max(0, (count - 1) * stride + dilation * (kernel - 1) + 1 - size - before);
  const bottom = after(x[2]!, y[2]!, pad.top, kernelH, strideH, dilationH);
  return [pad.top, pad.left, bottom, after(x[3]!, y[3]!, pad.left, kernelW, strideW, dilationW)];
}

const maxPool: Emitter = (node, emission) => {
  const attrs = node.attrs as PoolAttrs;
  const [x, y] = [node.inputs.x!, node.outputs.y!];
  return emission.builder.node("MaxPool", [emission.nameOf(x)], {
    kernel_shape: [attrs.kernelH, attrs.kernelW],
    strides: [attrs.strideH, attrs.strideW],
    pads: marginsOf(x.shape, y.shape, attrs),
    dilations: [attrs.dilationH, attrs.dilationW],
  });
};

const avgPool: Emitter = (node, emission) => {
  const attrs = node.attrs as AvgAttrs;
  const { builder } = emission;
  const [x, y] = [node.inputs.x!, node.outputs.y!];
  if (attrs.parts) return adaptive(x, attrs.parts, emission);
  const pads = marginsOf(x.shape, y.shape, attrs);
  const { top, left, bottom, right } = attrs.pad;
  const overhangs = pads[2] > bottom || pads[3] > right;
  let input = emission.nameOf(x);
  let margins: readonly number[] = pads;
  let include = attrs.countIncludePad ? 1 : 0;
  if (overhangs && attrs.countIncludePad) {
    // Margins count in the divisor, what hangs over them does not: zeros first, then windows that leave out the rest.
    const sides = builder.integers([0, 0, top, left, 0, 0, bottom, right]);
    input = builder.node("Pad", [input, sides, builder.number(0)]);
    margins = [0, 0, Math.max(0, pads[2] - bottom), Math.max(0, pads[3] - right)];
    include = 0;
  }
  return builder.node("AveragePool", [input], {
    kernel_shape: [attrs.kernelH, attrs.kernelW],
    strides: [attrs.strideH, attrs.strideW],
    pads: margins,
    count_include_pad: include,
  });
};

/** Mean over parts of an image: windows where they are all alike, else products with the shares of rows and columns. */
function adaptive(x: Value, [p, q]: readonly [number, number], emission: Emission): string {
  const { builder } = emission;
  const [h, w] = [x.shape[2]!, x.shape[3]!];
  const name = emission.nameOf(x);
  if (p === 1 && q === 1) return builder.node("GlobalAveragePool", [name]);
  if (h % p === 0 && w % q === 0) {
    const kernel = [h / p, w / q];
    return builder.node("AveragePool", [name], { kernel_shape: kernel, strides: kernel });
  }
  const columns = transposed(shares(w, q), q, w);
  const narrow = builder.node("MatMul", [name, builder.floats(columns, [w, q])]);
  return builder.node("MatMul", [builder.floats(shares(h, p), [p, h]), narrow]);
}

/** [parts, size]: the share of each pixel in each part. */
function shares(size: number, parts: number): Float32Array {
  const matrix = new Float32Array(numel([parts, size]));
  for (let part = 0; part < parts; part++) {
    const first = Math.floor((part * size) / parts);
    const end = Math.ceil(((part + 1) * size) / parts);
    matrix.fill(1 / (end - first), part * size + first, part * size + end);
  }
  return matrix;
}

function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
}

/** A linear layer; its bias is Gemm's third input. */
const linear: Emitter = (node, emission) => {
  const { a, b } = node.inputs as Record<"a" | "b", Value>;
  const y = node.outputs.y!;
  const next = emission.onlyUse(y);
  const bias =
    next?.op.name === "add" && next.inputs.a === y ? perChannel(next.inputs.b!, y.shape[1]!) : undefined;
  const operands = [a, b, ...(bias ? [bias] : [])].map((value) => emission.nameOf(value));
  const name = emission.builder.node("Gemm", operands, { transB: 1 });
  if (bias) {
    absorb(next!, emission);
    emission.setName(next!.outputs.y!, name);
  }
  return name;
};

export const SPATIAL: Readonly<Record<string, Emitter>> = {
  conv2d: convolution("Conv"),
  conv_transpose2d: convolution("ConvTranspose"),
  batch_norm_evaluate: batchNorm,
  batch_norm: standardise,
  max_pool2d: maxPool,
  avg_pool2d: avgPool,
  linear,
};
