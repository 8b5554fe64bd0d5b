import { GraphError } from "../core/errors.ts";
import type { Node } from "../graph/graph.ts";
import { producer } from "../graph/value.ts";
import { batchError, type Emission, type Emitter, inputNames } from "./emit.ts";

const reshape: Emitter = (node, emission) => {
  const { builder } = emission;
  const target = emission.freeShape(node.outputs.y!, node);
  const x = node.inputs.x!;
  const source = emission.freeShape(x, node);
  if (`${source}` === `${target}`) return emission.nameOf(x);
  const keepsBatch = source[0] === -1 && target[0] === -1 && x.shape[0] === node.outputs.y!.shape[0];
  if (keepsBatch && source.length > 1 && target.length === 2)
    return builder.node("Flatten", [emission.nameOf(x)], { axis: 1 });
  return builder.node("Reshape", [emission.nameOf(x), builder.integers(target)]);
};

const permute: Emitter = (node, emission) => {
  const { axes } = node.attrs as { axes: readonly number[] };
  return emission.builder.node("Transpose", inputNames(node, emission), { perm: axes });
};

const concat: Emitter = (node, emission) => {
  const { axis } = node.attrs as { axis: number };
  return emission.builder.node("Concat", inputNames(node, emission), { axis });
};

const slice: Emitter = (node, emission) => {
  const { begin, step, size } = node.attrs as Record<"begin" | "step" | "size", readonly number[]>;
  const x = node.inputs.x!;
  const cut = size.map((_, axis) => axis).filter((axis) => size[axis] !== x.shape[axis]);
  for (const axis of cut) emission.fixed(node, x, axis);
  const lists = [
    cut.map((axis) => begin[axis]!),
    cut.map((axis) => begin[axis]! + (size[axis]! - 1) * step[axis]! + 1),
    cut,
    cut.map((axis) => step[axis]!),
  ];
  return emission.builder.node("Slice", [
    emission.nameOf(x),
    ...lists.map((list) => emission.builder.integers(list)),
  ]);
};

const pad: Emitter = (node, emission) => {
  const { begin, step, shape, fill } = node.attrs as Record<"begin" | "step" | "shape", readonly number[]> & {
    fill: number;
  };
  const x = node.inputs.x!;
  if (step.some((one) => one !== 1)) throw batchError(node, "elements side by side", `steps ${step}`);
  const after = shape.map((size, axis) => size - begin[axis]! - x.shape[axis]!);
  shape.forEach((size, axis) => {
    if (size !== x.shape[axis]) emission.fixed(node, x, axis);
  });
  const value = new Float32Array(Uint32Array.of(fill).buffer)[0]!;
  const { builder } = emission;
  return builder.node("Pad", [
    emission.nameOf(x),
    builder.integers([...begin, ...after]),
    builder.number(value),
  ]);
};

/** A repetition; between the two reshapes of upsampleNearest a Resize. */
const broadcastTo: Emitter = (node, emission) => {
  const { builder } = emission;
  const [x, y] = [node.inputs.x!, node.outputs.y!];
  const scale = upsampling(node, emission);
  if (scale) {
    const last = emission.onlyUse(y)!;
    const image = emission.nameOf(producer(x)!.inputs.x!);
    const name = builder.node("Resize", [image, "", builder.floats([1, 1, ...scale], [4])], {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    });
    emission.done.add(last);
    emission.setName(last.outputs.y!, name);
    return name;
  }
  const offset = y.shape.length - x.shape.length;
  // Size 1 stands for whatever x has there, so that the batch stays free.
  const target = y.shape.map((size, axis) =>
    size === x.shape[axis - offset] ? 1 : emission.fixed(node, y, axis),
  );
  return builder.node("Expand", [emission.nameOf(x), builder.integers(target)]);
};

/** [sh, sw] where a node repeats [n, c, h, 1, w, 1] to [n, c, h, sh, w, sw] between two reshapes. */
function upsampling(node: Node, emission: Emission): [number, number] | undefined {
  const [x, y] = [node.inputs.x!, node.outputs.y!];
  const before = producer(x);
  const after = emission.onlyUse(y);
  if (before?.op.name !== "reshape" || after?.op.name !== "reshape") return undefined;
  const [n, c, h, sh, w, sw] = y.shape;
  const image = before.inputs.x!.shape;
  const fits =
    y.shape.length === 6 &&
    `${x.shape}` === `${[n, c, h, 1, w, 1]}` &&
    `${image}` === `${[n, c, h, w]}` &&
    `${after.outputs.y!.shape}` === `${[n, c, h! * sh!, w! * sw!]}`;
  return fits ? [sh!, sw!] : undefined;
}

function reduction(type: string): Emitter {
  return (node, emission) => {
    const { builder } = emission;
    const { axes, keepDims } = node.attrs as { axes: readonly number[]; keepDims: boolean };
    const x = emission.nameOf(node.inputs.x!);
    const keepdims = keepDims ? 1 : 0;
    if (type === "ReduceSum") return builder.node(type, [x, builder.integers(axes)], { keepdims });
    const isImage = node.inputs.x!.shape.length === 4 && `${axes}` === "2,3";
    if (!isImage) return builder.node(type, [x], { axes, keepdims });
    const pooled = builder.node(type === "ReduceMean" ? "GlobalAveragePool" : "GlobalMaxPool", [x]);
    return keepDims ? pooled : builder.node("Flatten", [pooled], { axis: 1 });
  };
}

function alongAxis(type: string): Emitter {
  return (node, emission) => {
    const { axis } = node.attrs as { axis: number };
    return emission.builder.node(type, inputNames(node, emission), { axis });
  };
}

const matmul: Emitter = (node, emission) => {
  const { transposeA, transposeB } = node.attrs as { transposeA: boolean; transposeB: boolean };
  const { builder } = emission;
  const operand = (name: "a" | "b", transposed: boolean): string => {
    const value = node.inputs[name]!;
    if (!transposed) return emission.nameOf(value);
    const axes = value.shape.map((_, axis) => axis);
    const perm = [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!];
    return builder.node("Transpose", [emission.nameOf(value)], { perm });
  };
  return builder.node("MatMul", [operand("a", transposeA), operand("b", transposeB)]);
};

export const SHAPES: Readonly<Record<string, Emitter>> = {
  reshape,
  permute,
  concat,
  slice,
  pad,
  broadcast_to: broadcastTo,
  sum: reduction("ReduceSum"),
  mean: reduction("ReduceMean"),
  max: reduction("ReduceMax"),
  softmax: alongAxis("Softmax"),
  log_softmax: alongAxis("LogSoftmax"),
  matmul,
};

/** Refuses a node for which ONNX has nothing. */
export function unsupported(node: Node): GraphError {
  return new GraphError({
    op: "exportOnnx",
    problem: `no ONNX operator for ${node.op.name}`,
    at: node.path,
    shapes: Object.fromEntries(
      Object.entries(node.inputs).map(([name, value]) => [name, `[${value.shape.join(", ")}]`]),
    ),
    fix: "export a part of the model without it, or write it with operators that ONNX has",
  });
}
