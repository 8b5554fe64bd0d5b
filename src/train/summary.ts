import { numel, type Shape } from "../core/shape.ts";
import type { DataSet } from "../data/data-set.ts";
import type { Target } from "../graph/define.ts";
import type { Graph } from "../graph/graph.ts";
import { BASELINE_TARGET } from "../graph/target.ts";
import type { LayerCall } from "../graph/trace.ts";
import { producer, type State, type Value } from "../graph/value.ts";
import type { Loss } from "../nn/losses.ts";
import { Model } from "../nn/model.ts";
import { type AnyModule, isValue } from "../nn/module.ts";
import { type Optimizer, sgd } from "../optim/optimizer.ts";
import {
  bufferCount,
  type Counted,
  forwardMacs,
  kernelText,
  outputFormula,
  type ParameterCounts,
  parameterCounts,
} from "./layer-formulas.ts";
import { type PlannedMemory, plannedMemory } from "./planned-memory.ts";
import { captureStep, type StepCapture } from "./summary-capture.ts";
import { summaryText } from "./summary-text.ts";

export interface SummaryOptions {
  /** Examples in a batch. Default 1. */
  readonly batch?: number;
  /** Whose state is counted. Default sgd(): one momentum buffer. */
  readonly optimizer?: Optimizer;
  /** Limits the plan is made for. Default those that WebGPU guarantees. */
  readonly target?: Target;
  /** Default cross-entropy over axis 1 of the output. */
  readonly loss?: Loss;
  /** The training data, which lies in GPU memory whole. Default one batch of f32 inputs. */
  readonly data?: DataSet;
}

/** One call of a layer. */
export interface SummaryRow {
  /** Path in the model: "block1.conv". */
  readonly name: string;
  readonly type: string;
  readonly input: Shape;
  readonly output: Shape;
  /** Window, "3×3"; "" where there is none. */
  readonly kernel: string;
  /** All 0 in the second call of a shared layer. */
  readonly parameters: ParameterCounts & { readonly total: number; readonly formula: string };
  /** Elements of running statistics. */
  readonly buffers: number;
  readonly trainable: "yes" | "no" | "partly" | "-";
  /** Multiply-adds of products; sums, activations and normalisations count none. */
  readonly forwardMacs: Counted;
  /** Twice the forward's; once where the input needs no gradient, or the weight does not train. */
  readonly backwardMacs: Counted;
  /** Of the output, 4 an element. */
  readonly activationBytes: number;
  /** Of what the layer's backward reads of the forward, each value counted in every layer that reads it. */
  readonly savedBytes: number;
  readonly outputFormula: string;
}

/** A model layer by layer, and the memory a training step takes. */
export interface Summary {
  readonly rows: readonly SummaryRow[];
  readonly batch: number;
  readonly totals: ParameterCounts & {
    readonly parameters: number;
    readonly trainable: number;
    readonly buffers: number;
    readonly forwardMacs: number;
    readonly backwardMacs: number;
    readonly activationBytes: number;
    /** Distinct values that the backward reads. */
    readonly savedBytes: number;
    readonly parameterBytes: number;
    readonly gradientBytes: number;
    readonly optimizerBytes: number;
  };
  readonly memory: PlannedMemory;
  /** The table a person reads. */
  toString(): string;
}

/**
 * Layers of a model with shapes, parameters, multiply-adds and memory, and the planned memory of a training step.
 * Shapes  inputShape: one example without the batch
 * Units   bytes; multiply-adds (one is 2 FLOPs)
 * Errors  ShapeError, OptionError for an input the model does not take
 */
export function summary(model: AnyModule | Model, inputShape: Shape, options: SummaryOptions = {}): Summary {
  const { batch = 1, optimizer = sgd(), target = BASELINE_TARGET } = options;
  const whole = model instanceof Model ? model : new Model(model);
  const capture = captureStep(whole, inputShape, batch, { ...options, optimizer });
  const rows = rowsOf(whole, capture);
  const memory = plannedMemory(capture.graph, whole, optimizer, target);
  const result = { rows, batch, totals: totalsOf(rows, capture, optimizer), memory };
  return { ...result, toString: () => summaryText(result) };
}

function rowsOf(model: Model, capture: StepCapture): SummaryRow[] {
  const modules = new Map(model.modules().map(({ path, module }) => [path, module]));
  const isLeaf = ({ path }: LayerCall) => Object.keys(modules.get(path)!.parts).length === 0;
  const trainable = new Set(model.trainable().map(({ name }) => name));
  const counted = new Set<string>();
  return capture.calls.filter(isLeaf).map((call) => {
    const isFirst = !counted.has(call.path);
    counted.add(call.path);
    return rowOf(call, modules.get(call.path)!, capture, trainable, isFirst);
  });
}

function rowOf(
  { path, kind, inputs, outputs }: LayerCall,
  module: AnyModule,
  capture: StepCapture,
  trainable: ReadonlySet<string>,
  isFirst: boolean,
): SummaryRow {
  const [input, output] = [single(inputs), single(outputs)];
  const counts = isFirst
    ? parameterCounts(module)
    : { weights: 0, biases: 0, gamma: 0, beta: 0, formula: "shared" };
  const total = counts.weights + counts.biases + counts.gamma + counts.beta;
  const forward = forwardMacs(module, input.shape, output.shape) ?? productsOf(capture.graph, path);
  const ofWeight = trainable.has(`${path ? `${path}.` : ""}weight`) ? 1 : 0;
  const ofInput = capture.needsGradient.has(input) ? 1 : 0;
  const factor = ofWeight + ofInput;
  return {
    ...{ name: path || kind, type: kind, input: input.shape, output: output.shape },
    kernel: kernelText(module),
    parameters: { ...counts, total },
    buffers: isFirst ? bufferCount(module) : 0,
    trainable: trainableText(path, module, trainable),
    forwardMacs: forward,
    backwardMacs: {
      count: factor * forward.count,
      formula: forward.count === 0 ? "" : backwardFormula(ofInput, ofWeight, forward),
    },
    activationBytes: 4 * allValues(outputs).reduce((sum, value) => sum + numel(value.shape), 0),
    savedBytes: bytesOf(capture.saved.get(path) ?? new Set()),
    outputFormula: outputFormula(module, input.shape, output.shape),
  };
}

function backwardFormula(ofInput: number, ofWeight: number, { formula }: Counted): string {
  const parts = [...(ofInput ? ["dX"] : []), ...(ofWeight ? ["dW"] : [])];
  return parts.length === 0 ? "nothing upstream trains" : `(${parts.join(" + ")}) ${parts.length}·${formula}`;
}

/** Multiply-adds of the products that a layer of another kind makes, by the cost of its ops. */
function productsOf(graph: Graph, path: string): Counted {
  const products = graph.nodes.filter(
    ({ op, phase, path: at }) => phase === "forward" && at === path && /^(conv|linear|matmul)/.test(op.name),
  );
  const flops = products.reduce((sum, node) => {
    const values = Object.entries({ ...node.inputs, ...node.outputs });
    const shape = Object.fromEntries(values.map(([name, value]) => [name, value.shape]));
    return sum + (node.op.cost?.({ shape, attrs: node.attrs }).flops ?? 0);
  }, 0);
  return { count: flops / 2, formula: flops > 0 ? `${flops} FLOPs of ${products[0]!.op.name} / 2` : "" };
}

function trainableText(path: string, { states }: AnyModule, trainable: ReadonlySet<string>) {
  const own = Object.entries(states).filter(([, { role }]) => role === "parameter");
  const count = own.filter(([name]) => trainable.has(path ? `${path}.${name}` : name)).length;
  if (own.length === 0) return "-";
  return count === own.length ? "yes" : count === 0 ? "no" : "partly";
}

function totalsOf(
  rows: readonly SummaryRow[],
  capture: StepCapture,
  optimizer: Optimizer,
): Summary["totals"] {
  const { states, trainable } = capture;
  const elements = (some: readonly State[]) => some.reduce((sum, { shape }) => sum + numel(shape), 0);
  const parameters = elements(states.filter(({ role }) => role === "parameter"));
  const sum = (of: (row: SummaryRow) => number) => rows.reduce((all, row) => all + of(row), 0);
  const saved = new Set([...capture.saved.values()].flatMap((values) => [...values]));
  const moments = optimizer.kind === "sgd" ? (optimizer.velocity ? 1 : 0) : 2;
  return {
    parameters,
    trainable: elements(trainable),
    buffers: elements(states.filter(({ role }) => role === "buffer")),
    weights: sum((row) => row.parameters.weights),
    biases: sum((row) => row.parameters.biases),
    gamma: sum((row) => row.parameters.gamma),
    beta: sum((row) => row.parameters.beta),
    forwardMacs: sum((row) => row.forwardMacs.count),
    backwardMacs: sum((row) => row.backwardMacs.count),
    activationBytes: sum((row) => row.activationBytes),
    savedBytes: bytesOf(saved),
    parameterBytes: 4 * parameters,
    gradientBytes: 4 * elements(trainable),
    optimizerBytes: 4 * moments * parameters,
  };
}

function bytesOf(values: ReadonlySet<Value>): number {
  return [...values].reduce((sum, value) => sum + 4 * numel(value.shape), 0);
}

function allValues(values: LayerCall["inputs"]): Value[] {
  return isValue(values) ? [values] : Object.values(values);
}

function single(values: LayerCall["inputs"]): Value {
  return allValues(values)[0]!;
}

/** True for values of a step that are computed in its forward. */
export function isForward(value: Value): boolean {
  return producer(value)?.phase === "forward";
}
