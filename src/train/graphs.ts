import { backward } from "../autodiff/backward.ts";
import { GraphError } from "../core/errors.ts";
import type { DataSet } from "../data/data-set.ts";
import type { Graph } from "../graph/graph.ts";
import { constant, input, stateValue } from "../graph/leaf.ts";
import type { GraphProbe } from "../graph/probe.ts";
import { onBehalf, scope, trace } from "../graph/trace.ts";
import type { State, Value } from "../graph/value.ts";
import { type Loss, perExample } from "../nn/losses.ts";
import type { Model } from "../nn/model.ts";
import { isValue, type Values } from "../nn/module.ts";
import type { AugmentAttrs } from "../ops/augment-draw.ts";
import { accumulateGradients, lossSeed, mean, record } from "../ops/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { gatherBatch, unwrap } from "./batch.ts";
import { type LossScale, SCALE_COLUMN } from "./loss-scale.ts";
import type { Metric } from "./metrics.ts";
import { type PlannedProbe, type ProbeRequest, planProbes } from "./probes.ts";
import { changedBatch, changedOptimizer, type StepChange } from "./step-changes.ts";
import { appendUpdate } from "./update.ts";

/** What all graphs of a program are made from. */
export interface Recipe {
  readonly model: Model;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
  readonly optimizer: Optimizer;
  /** Micro-batches of one optimizer step. */
  readonly accumulate: number;
  /** Record the metrics of training batches too. */
  readonly trainMetrics: boolean;
  /** Random changes of training images. */
  readonly augment?: AugmentAttrs | undefined;
  /** What callbacks add to the training step. */
  readonly changes?: readonly StepChange[];
  /** Scales the loss and skips steps that overflow. */
  readonly lossScale?: LossScale | undefined;
}

/** Statistics to take in a step; the capture fills in where each will be. */
export interface WantedProbes {
  readonly requests: readonly ProbeRequest[];
  readonly planned: Map<string, PlannedProbe>;
}

/** Scalars of one step in the columns of its record: the loss, then the metrics. */
export const LOSS_COLUMN = 0;

/** One whole training step: gather, forward, backward, update, record. */
export function stepGraph(recipe: Recipe, data: DataSet, batch: number, wanted?: WantedProbes): Graph {
  return trace("train", () => {
    const captured = forwardAndBackward(recipe, data, batch, wanted);
    onBehalf("optimizer", "update", () =>
      appendUpdate({ ...recipe, optimizer: optimizerOf(recipe) }, "grads"),
    );
    return { outputs: {}, ...captured };
  });
}

/** Forward and backward of one micro-batch; its gradients are added to those accumulated. */
export function microGraph(recipe: Recipe, data: DataSet, batch: number, wanted?: WantedProbes): Graph {
  return trace("train", () => {
    const captured = forwardAndBackward(recipe, data, batch, wanted);
    onBehalf("optimizer", "update", accumulateGradients);
    return { outputs: {}, ...captured };
  });
}

/** The update alone, from accumulated gradients. */
export function updateGraph(recipe: Recipe): Graph {
  return trace("train", () => {
    onBehalf("optimizer", "update", () =>
      appendUpdate({ ...recipe, optimizer: optimizerOf(recipe) }, "optimizer.accumulated"),
    );
    return { outputs: {} };
  });
}

/** Loss and metrics of one batch in evaluation mode, recorded as means over the batch. */
export function evaluateGraph(recipe: Recipe, data: DataSet, batch: number, wanted?: WantedProbes): Graph {
  return trace("eval", () => {
    const { inputs, targets } = gatherBatch(data, batch);
    const outputs = recipe.model.apply(inputs);
    const probes = wanted && planProbes(wanted.requests, { parameters: [] }, wanted.planned);
    recordScalars(recipe, recipe.metrics, outputs, targets);
    return { outputs: {}, ...(probes && { probes }) };
  });
}

/** Where the losses of single examples are among a plan's outputs. */
export const EXAMPLE_LOSS = "loss of each example";

/** Outputs of one batch of a data set in evaluation mode, and on request the loss of every example. */
export function examplesGraph(recipe: Recipe, data: DataSet, batch: number, withLoss: boolean): Graph {
  return trace("eval", () => {
    const { inputs, targets } = gatherBatch(data, batch);
    const outputs = recipe.model.apply(inputs);
    const named = isValue(outputs) ? { output: outputs } : outputs;
    if (!withLoss) return { outputs: named };
    const losses = scope("loss", () => recipe.model.within(() => perExample(recipe.loss)(outputs, targets)));
    return { outputs: { ...named, [EXAMPLE_LOSS]: losses } };
  });
}

/** Outputs for arrays given directly, in evaluation mode. */
export function predictGraph(recipe: Recipe, data: Pick<DataSet, "inputs">, batch: number): Graph {
  return trace("eval", () => {
    const values = Object.entries(data.inputs).map(([name, column]): [string, Value] => [
      name,
      input(name, [batch, ...column.shape]),
    ]);
    const outputs = recipe.model.apply(unwrap(Object.fromEntries(values)));
    return { outputs: isValue(outputs) ? { output: outputs } : outputs };
  });
}

function optimizerOf({ optimizer, changes = [] }: Recipe): Optimizer {
  return changedOptimizer(changes, optimizer);
}

function forwardAndBackward(
  recipe: Recipe,
  data: DataSet,
  batch: number,
  wanted: WantedProbes | undefined,
): { gradients: Map<State, Value>; probes?: GraphProbe[] } {
  const { model, accumulate, changes = [] } = recipe;
  const given = changedBatch(changes, { ...gatherBatch(data, batch, recipe.augment), loss: recipe.loss });
  const outputs = model.apply(given.inputs);
  const metrics = recipe.trainMetrics ? recipe.metrics : [];
  const loss = recordScalars({ ...recipe, loss: given.loss }, metrics, outputs, given.targets);
  const parameters = model.trainable();
  const seeds = new Map([[loss, seedOf(recipe)]]);
  const found = backward(seeds, parameters.map(stateValue));
  const gradients = new Map<State, Value>();
  for (const parameter of parameters) {
    const gradient = found.get(stateValue(parameter));
    if (gradient) gradients.set(parameter, gradient);
  }
  if (gradients.size === 0) {
    throw new GraphError({
      op: "learner",
      problem: "the loss depends on no parameter that trains",
      fix: "unfreeze a layer, or use the model's outputs in the loss",
    });
  }
  const capture = { parameters, gradients: found, updates: accumulate === 1 };
  const probes = wanted && planProbes(wanted.requests, capture, wanted.planned);
  return { gradients, ...(probes && { probes }) };
}

/** Gradient of the loss that the backward pass starts from; a scaled one is recorded. */
function seedOf({ lossScale, accumulate }: Recipe): Value {
  if (!lossScale) return constant(1 / accumulate);
  return scope("loss", () => {
    const { y, scale } = lossSeed(stateValue(lossScale.state), 1 / accumulate);
    record([scale], SCALE_COLUMN);
    return y;
  });
}

/** Records loss and metrics; returns the scalar loss. */
function recordScalars(recipe: Recipe, metrics: readonly Metric[], outputs: Values, targets: Values): Value {
  return scope("loss", () => {
    const loss = scalar(
      "loss",
      recipe.model.within(() => recipe.loss(outputs, targets)),
    );
    const measured = metrics.map((metric) =>
      scope(metric.name, () => scalar(metric.name, metric.measure(outputs, targets))),
    );
    record([loss, ...measured]);
    return loss;
  });
}

/** The mean of what a loss or metric gives for the examples; a scalar as it is. */
function scalar(what: string, value: Value): Value {
  if (value.dtype !== "f32") {
    throw new GraphError({ op: what, problem: "dtype", expected: "f32", got: value.dtype });
  }
  return value.shape.length === 0 ? value : mean(value);
}
