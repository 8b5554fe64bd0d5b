import { compile } from "../compile.ts";
import { numel } from "../core/shape.ts";
import { type DataSet, dataSet } from "../data/data-set.ts";
import type { Graph } from "../graph/graph.ts";
import { printGraph } from "../graph/print.ts";
import { BASELINE_TARGET } from "../graph/target.ts";
import { buildModel, DEFAULT_CLASSES, type ModelEntry, modelEntry } from "../models/index.ts";
import * as nn from "../nn/index.ts";
import { Model } from "../nn/model.ts";
import { momentBuffers, sgd } from "../optim/optimizer.ts";
import { formatBytes, formatCount, printPlan } from "../plan/print.ts";
import { StateTable } from "../plan/state-table.ts";
import type { StepPlan } from "../plan/step-plan.ts";
import { stepGraph } from "../train/graphs.ts";
import { asCommandError } from "./command-error.ts";
import type { CommandContext } from "./context.ts";
import type { ExplainOptions } from "./options.ts";

/** A training step compiled for no GPU in particular. */
export interface Explanation {
  readonly model: Model;
  readonly entry: ModelEntry;
  /** Nodes after the trace and after every pass, in order. */
  readonly passes: readonly { readonly name: string; readonly nodes: number }[];
  /** As lowered: about one node a dispatch. */
  readonly graph: Graph;
  readonly plan: StepPlan;
  readonly states: StateTable;
}

const optimizer = sgd({ momentum: 0.9 });

/** `npm run explain`. */
export async function main(
  { model, batch, json }: ExplainOptions,
  { write }: CommandContext,
): Promise<number> {
  try {
    const explanation = explain(model, batch);
    write(
      json
        ? `${JSON.stringify(explanation.plan, null, 2)}\n`
        : `${explanationText(model, batch, explanation)}\n`,
    );
    return 0;
  } catch (error) {
    throw asCommandError("explain", error);
  }
}

/**
 * Compiles the training step of a model: cross-entropy, SGD with momentum, images as bytes.
 * Errors  OptionError for an unknown model
 */
export function explain(name: string, batch: number): Explanation {
  const entry = modelEntry(name);
  const model = new Model(buildModel(name));
  const recipe = {
    model,
    loss: nn.crossEntropy(),
    metrics: [],
    optimizer,
    accumulate: 1,
    trainMetrics: false,
  };
  const passes: { name: string; nodes: number }[] = [];
  let graph = stepGraph(recipe, emptyData(entry, batch), batch);
  passes.push({ name: "trace", nodes: graph.nodes.length });
  const states = new StateTable();
  const plan = compile(graph, {
    target: BASELINE_TARGET,
    states,
    onPass: (pass, result) => {
      passes.push({ name: pass, nodes: result.nodes.length });
      graph = result;
    },
  });
  return { model, entry, passes, graph, plan, states };
}

/** One batch of the form that the model takes. */
function emptyData({ input, labels }: ModelEntry, batch: number): DataSet {
  const shape = labels === "pixel" ? input.slice(1) : [];
  return dataSet({
    inputs: { data: new Uint8Array(batch * numel(input)), shape: input },
    targets: { data: new Int32Array(batch * numel(shape)), shape },
    classes: DEFAULT_CLASSES,
  });
}

/** What a person reads: passes, graph, dispatches, memory. */
export function explanationText(name: string, batch: number, explanation: Explanation): string {
  const { model, entry, passes, graph, plan, states } = explanation;
  const input = `[${[batch, ...entry.input].join(", ")}]`;
  return [
    `${name}: ${entry.summary}`,
    `${model.parameterCount().toLocaleString("en")} parameters; input ${input}; one training step: forward, backward, update`,
    "",
    `Nodes  ${passes.map((pass) => `${pass.name} ${pass.nodes}`).join(" → ")}`,
    "",
    "Graph",
    ...printGraph(graph)
      .split("\n")
      .map((line) => `  ${line}`),
    "",
    "Dispatches",
    printPlan(plan),
    "",
    "Memory",
    ...memoryLines(plan, states),
    "",
    "Planned for WebGPU's guaranteed limits; a device with more of them may get other kernels.",
  ].join("\n");
}

function memoryLines(plan: StepPlan, states: StateTable): string[] {
  const params = 4 * states.flatSize("params");
  const moments = momentBuffers(optimizer);
  const { planned, unplanned, lowerBound } = plan.memory;
  const rows: [string, string][] = [
    ["parameters", formatBytes(params)],
    ["gradients", formatBytes(params)],
    [`optimizer (${moments.join(", ")})`, formatBytes(moments.length * params)],
    ["running statistics", formatBytes(4 * states.flatSize("stats"))],
    [
      "work, planned",
      `${formatBytes(planned)} in ${plan.work.length} buffers (${plan.work.map(formatBytes).join(", ")})`,
    ],
    [
      "work, unplanned",
      `${formatBytes(unplanned)} with a buffer for every value, ${times(unplanned, planned)} as much`,
    ],
    ["work, lower bound", `${formatBytes(lowerBound)}, the largest sum of values alive together`],
    [
      "pipelines",
      `${plan.pipelines.length}, ${formatCount(plan.pipelines.reduce((sum, p) => sum + p.code.length, 0))}B of WGSL`,
    ],
  ];
  const width = Math.max(...rows.map(([what]) => what.length)) + 2;
  return rows.map(([what, value]) => `  ${what.padEnd(width)}${value}`);
}

function times(a: number, b: number): string {
  return b > 0 ? `${(a / b).toFixed(1)} times` : "as much";
}
