import { DataError, OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import type { Shape } from "../core/shape.ts";
import { input } from "../graph/leaf.ts";
import { trace } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import { Model } from "../nn/model.ts";
import { isValue, type Module, type Values } from "../nn/module.ts";
import { onnxModule } from "./import-module.ts";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from "./model.ts";
import { readOnnx } from "./read-model.ts";
import { rolesOf } from "./roles.ts";
import { simplified } from "./simplify.ts";

export interface ImportOnnxOptions {
  /** Values to end at, instead of the graph's outputs: names of outputs of nodes. What they do not need is left out. */
  readonly outputs?: string | readonly string[];
  /** Shape of one example of each input, without the batch axis, where the file leaves it open. */
  readonly inputs?: Readonly<Record<string, Shape>>;
  /** False for a float initializer that is to stay a constant. Default: all of more than one element train. */
  trainable?(name: string): boolean;
}

/** A model from an ONNX file, ready to train or to be a part of another. */
export interface ImportedOnnx {
  /** Takes one value or a record by name, as the graph has inputs; gives one value or a record likewise. */
  readonly module: Module<Values, Values>;
  /** Shape of one example of each input. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Shape of one example of each output ([] for a number, such as a loss). */
  readonly outputs: Readonly<Record<string, Shape>>;
  readonly model: OnnxModel;
}

/** Batch size of the trial where the file leaves it free; another one shows what depends on it. */
const TRIAL_BATCH = 2;

/**
 * Reads an ONNX file of opset 7 to 21 as a module: initializers are parameters under their own names, running statistics
 * of batch norm are buffers, what can be computed from constants and shapes is. A batch size that the exporter wrote
 * down is replaced by the batch at hand.
 * Errors  DataError for a damaged file, another opset, or an operator or form that is not supported, named with the
 *         shapes of its inputs; OptionError for names that the graph does not have. All of them before any GPU work
 */
export function importOnnx(file: Uint8Array | OnnxModel, options: ImportOnnxOptions = {}): ImportedOnnx {
  knownOptions("importOnnx", options, { outputs: true, inputs: true, trainable: true });
  const model = file instanceof Uint8Array ? readOnnx(file) : file;
  checkOpset(model);
  const ends =
    options.outputs === undefined ? model.graph.outputs.map(({ name }) => name) : [options.outputs].flat();
  const graph = neededPart(simplified(model.graph), ends);
  const roles = rolesOf(graph, (name) => options.trainable?.(name) ?? true);
  const shapes = Object.fromEntries(
    graph.inputs.map((one) => [one.name, exampleShape(one, options.inputs?.[one.name])]),
  );
  const written = fixedBatch(graph.inputs);
  const module = onnxModule(graph, model.opsets, roles, ends, written);
  const outputs = trial(module, graph.inputs, shapes, ends, written ?? TRIAL_BATCH);
  return { module, inputs: shapes, outputs, model };
}

function checkOpset({ opsets }: OnnxModel): void {
  const version = opsets.get("")!;
  if (version >= 7 && version <= 21) return;
  throw new DataError({
    op: "importOnnx",
    problem: "opset",
    expected: "7 to 21",
    got: `${version}`,
    fix: "export with opset_version=17, or convert with onnx.version_converter",
  });
}

/** Nodes that the ends need, in their order, with the inputs and initializers those use. */
function neededPart(graph: OnnxGraph, ends: readonly string[]): OnnxGraph {
  const known = new Set([
    ...graph.nodes.flatMap(({ outputs }) => outputs),
    ...graph.inputs.map(({ name }) => name),
  ]);
  const unknown = ends.find((name) => !known.has(name) && !graph.initializers.has(name));
  if (unknown !== undefined || ends.length === 0) {
    throw new OptionError({
      op: "importOnnx",
      problem: "outputs",
      expected: `names of values, such as ${graph.nodes
        .slice(-4)
        .map(({ outputs }) => outputs[0])
        .join(", ")}`,
      got: unknown ?? "none",
    });
  }
  const needed = new Set(ends);
  const nodes: OnnxNode[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some((name) => name && needed.has(name))) continue;
    nodes.unshift(node);
    for (const name of node.inputs) if (name) needed.add(name);
  }
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  const inputs = graph.inputs.filter(({ name }) => needed.has(name) && !graph.initializers.has(name));
  return { ...graph, nodes, initializers, inputs };
}

/** Shape without the batch axis: the option's, or the file's where it says all. */
function exampleShape({ name, shape }: OnnxValue, given: Shape | undefined): Shape {
  if (given) return given;
  const rest = shape?.slice(1) ?? [];
  const known = rest.filter((size) => typeof size === "number" && size > 0) as number[];
  const product = known.reduce((a, b) => a * b, 1);
  if (shape?.length && known.length === rest.length && product <= 2 ** 28) return known;
  throw new DataError({
    op: "importOnnx",
    problem: `shape of input ${name}`,
    expected: "a size for every axis but the first",
    got: shape ? `[${shape.map((size) => size ?? "?").join(", ")}]` : "none",
    fix: `pass inputs: { ${JSON.stringify(name)}: [...] } with the shape of one example`,
  });
}

/** The batch size that the file has written down, if it is not free. */
function fixedBatch(inputs: readonly OnnxValue[]): number | undefined {
  const size = inputs[0]?.shape?.[0];
  return typeof size === "number" && size >= 1 && size <= 4096 ? size : undefined;
}

/** Runs the module once on symbolic values: every refusal comes here, not in the middle of a training run. */
function trial(
  module: Module<Values, Values>,
  inputs: readonly OnnxValue[],
  shapes: Readonly<Record<string, Shape>>,
  ends: readonly string[],
  batch: number,
): Record<string, Shape> {
  const model = new Model(module);
  const { outputs } = trace("eval", () => {
    const values = inputs.map(({ name, dtype }): [string, Value] => [
      name,
      input(name, [batch, ...shapes[name]!], dtype === "I64" ? "i32" : "f32"),
    ]);
    const given = values.length === 1 ? values[0]![1] : Object.fromEntries(values);
    const result = model.apply(given);
    return { outputs: isValue(result) ? { [ends[0]!]: result } : result };
  });
  return Object.fromEntries(Object.entries(outputs).map(([name, { shape }]) => [name, shape.slice(1)]));
}
