import type { HostArray } from "../core/dtype.ts";
import { OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import type { Shape } from "../core/shape.ts";
import { type Graph, leaves } from "../graph/graph.ts";
import { input } from "../graph/leaf.ts";
import { trace } from "../graph/trace.ts";
import { producer, type Value } from "../graph/value.ts";
import { Model } from "../nn/model.ts";
import { type AnyModule, isValue } from "../nn/module.ts";
import type { Learner } from "../train/learner.ts";
import { type BatchNormForm, Emission, type Emitter } from "./emit.ts";
import { POINTWISE } from "./emit-pointwise.ts";
import { SHAPES, unsupported } from "./emit-shape.ts";
import { SPATIAL, TRACED_BATCH } from "./emit-spatial.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { OnnxValue } from "./model.ts";
import { writeOnnx } from "./write-model.ts";

export interface ExportOnnxOptions {
  /** "keep" (default): nodes of its own; "fold": inside the convolution before it, where there is one. */
  readonly batchNorm?: BatchNormForm;
  /** Of the graph. Default "wgfit". */
  readonly name?: string;
}

/** What a model is exported with where there is no learner. */
export interface OnnxSource {
  readonly model: AnyModule | Model;
  /** Shape of one example of each input, without the batch axis. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Parameters and running statistics by name. */
  readonly state: Readonly<Record<string, HostArray>>;
}

/** IR version 8 belongs to opset 17. Source  onnx/helper.py, VERSION_TABLE */
const IR_VERSION = 8;
const OPSET = 17;

/**
 * The model in evaluation mode as an ONNX file: opset 17, the batch axis free ("N"), weights under their own names.
 * Inputs are the model's: normalised, [N, C, H, W].
 * Errors  GraphError for an op that ONNX does not have, or sizes that mix with the batch; OptionError
 */
export async function exportOnnx(
  from: Learner | OnnxSource,
  options: ExportOnnxOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  knownOptions("exportOnnx", options, { batchNorm: true, name: true });
  const { batchNorm = "keep", name = "wgfit" } = options;
  if (batchNorm !== "keep" && batchNorm !== "fold") {
    throw new OptionError({
      op: "exportOnnx",
      problem: "batchNorm",
      expected: '"keep" or "fold"',
      got: `${batchNorm}`,
    });
  }
  const { model, inputs, state } = "program" in from ? await sourceOf(from) : from;
  return modelBytes(model instanceof Model ? model : new Model(model), inputs, state, batchNorm, name);
}

async function sourceOf(learner: Learner): Promise<OnnxSource> {
  const columns = Object.entries(learner.options.data.train.inputs);
  return {
    model: learner.model,
    inputs: Object.fromEntries(columns.map(([name, { shape }]) => [name, shape])),
    state: await learner.state(),
  };
}

function modelBytes(
  model: Model,
  inputs: Readonly<Record<string, Shape>>,
  state: Readonly<Record<string, HostArray>>,
  batchNorm: BatchNormForm,
  name: string,
): Uint8Array<ArrayBuffer> {
  const [graph, twin] = [TRACED_BATCH, TRACED_BATCH + 1].map((batch) =>
    evaluationGraph(model, inputs, batch),
  );
  const builder = new GraphBuilder();
  const emission = new Emission(builder, graph!, twin!, state, batchNorm);
  for (const value of leaves(graph!)) {
    if (value.source.kind === "input") emission.setName(value, value.source.name);
  }
  for (const name of [...Object.keys(inputs), ...Object.keys(graph!.outputs)]) builder.name(name);
  for (const node of graph!.nodes) {
    if (emission.done.has(node)) continue;
    const emit = EMITTERS[node.op.name];
    if (!emit) throw unsupported(node);
    builder.path = node.path;
    emission.setName(node.outputs[node.op.outputs[0]!]!, emit(node, emission));
  }
  const outputs = Object.entries(graph!.outputs);
  builder.finish(Object.fromEntries(outputs.map(([key, value]) => [key, emission.nameOf(value)])));
  return writeOnnx({
    irVersion: IR_VERSION,
    producer: "wgfit",
    opsets: new Map([["", OPSET]]),
    metadata: new Map(),
    graph: {
      name,
      nodes: builder.nodes,
      initializers: builder.initializers,
      inputs: Object.entries(inputs).map(([key, shape]) => valueInfo(key, ["N", ...shape])),
      outputs: outputs.map(([key, value]) => valueInfo(key, outputShape(value, twin!.outputs[key]!))),
    },
  });
}

const EMITTERS: Readonly<Record<string, Emitter>> = { ...POINTWISE, ...SHAPES, ...SPATIAL };

/** Forward of a model on inputs of a batch size, in evaluation mode. */
export function evaluationGraph(model: Model, inputs: Readonly<Record<string, Shape>>, batch: number): Graph {
  return trace("eval", () => {
    const values = Object.entries(inputs).map(([name, shape]): [string, Value] => [
      name,
      input(name, [batch, ...shape]),
    ]);
    const outputs = model.apply(values.length === 1 ? values[0]![1] : Object.fromEntries(values));
    return { outputs: isValue(outputs) ? { output: outputs } : outputs };
  });
}

function valueInfo(name: string, shape: OnnxValue["shape"]): OnnxValue {
  return { name, dtype: "F32", shape };
}

/** Sizes that grow with the batch are free: N itself, or a multiple that has no name. */
function outputShape(value: Value, twin: Value): (number | string | null)[] {
  return value.shape.map((size, axis) => {
    if (size === twin.shape[axis]) return size;
    return size === TRACED_BATCH && producer(value) ? "N" : null;
  });
}
