import { OptionError } from "../core/errors.ts";
import { numel, type Shape } from "../core/shape.ts";
import { type DataSet, dataSet } from "../data/data-set.ts";
import type { Graph } from "../graph/graph.ts";
import { input, stateValue } from "../graph/leaf.ts";
import { currentTrace, type LayerCall, trace } from "../graph/trace.ts";
import { producer, type State, type Value } from "../graph/value.ts";
import type { Loss } from "../nn/losses.ts";
import type { Model } from "../nn/model.ts";
import { isValue, singleValue, type Values } from "../nn/module.ts";
import { crossEntropy } from "../ops/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { stepGraph } from "./graphs.ts";

/** A training step of a model as a graph, and what a summary reads off it. */
export interface StepCapture {
  readonly graph: Graph;
  readonly calls: readonly LayerCall[];
  readonly states: readonly State[];
  readonly trainable: readonly State[];
  /** Values that depend on a parameter that trains. */
  readonly needsGradient: ReadonlySet<Value>;
  /** Values of the forward that the backward of a layer reads, by its path. */
  readonly saved: ReadonlyMap<string, ReadonlySet<Value>>;
}

interface CaptureOptions {
  readonly optimizer: Optimizer;
  readonly loss?: Loss;
  readonly data?: DataSet;
}

/** Captures one training step on data of the given shape. */
export function captureStep(
  model: Model,
  inputShape: Shape,
  batch: number,
  { optimizer, loss = classLoss, data }: CaptureOptions,
): StepCapture {
  if (!(Number.isInteger(batch) && batch >= 1)) {
    throw new OptionError({
      op: "summary",
      problem: "batch",
      expected: "a positive integer",
      got: `${batch}`,
    });
  }
  let calls: readonly LayerCall[] = [];
  const recipe = {
    ...{ model, optimizer, metrics: [], accumulate: 1, trainMetrics: false },
    loss: (outputs: Values, targets: Values) => {
      calls = [...currentTrace("summary").calls];
      return loss(outputs, targets);
    },
  };
  const graph = stepGraph(recipe, data ?? emptyData(model, inputShape, batch), batch);
  const trainable = model.trainable();
  const forward = graph.nodes.filter(({ phase }) => phase === "forward");
  const needsGradient = new Set<Value>(trainable.map(stateValue));
  for (const node of forward) {
    if (!Object.values(node.inputs).some((value) => needsGradient.has(value))) continue;
    for (const value of Object.values(node.outputs)) needsGradient.add(value);
  }
  return { graph, calls, states: model.states(), trainable, needsGradient, saved: savedBy(graph) };
}

/** Results of the forward that backward nodes read, by the layer they belong to. */
function savedBy(graph: Graph): Map<string, Set<Value>> {
  const saved = new Map<string, Set<Value>>();
  for (const { phase, path, inputs } of graph.nodes) {
    if (phase !== "backward") continue;
    for (const value of Object.values(inputs)) {
      const root = unviewed(value);
      if (producer(root)?.phase !== "forward") continue;
      const own = saved.get(path) ?? new Set();
      saved.set(path, own.add(root));
    }
  }
  return saved;
}

/** The value whose memory a view is. */
function unviewed(value: Value): Value {
  let root = value;
  for (let maker = producer(root); maker?.op.view; maker = producer(root)) root = maker.inputs.x!;
  return root;
}

/** Cross-entropy over axis 1 of the output, with labels for all its other axes. */
function classLoss(outputs: Values, targets: Values): Value {
  return crossEntropy(singleValue(outputs, "summary"), singleValue(targets, "summary"));
}

/** A batch of inputs of the shape, with the labels that `classLoss` takes. */
function emptyData(model: Model, shape: Shape, batch: number): DataSet {
  let labels: Shape = [];
  trace("train", () => {
    const output = model.apply(input("x", [batch, ...shape]));
    if (isValue(output)) labels = output.shape.slice(2);
    return { outputs: {} };
  });
  return dataSet({
    inputs: { data: new Float32Array(batch * numel(shape)), shape },
    targets: { data: new Int32Array(batch * numel(labels)), shape: labels },
  });
}
