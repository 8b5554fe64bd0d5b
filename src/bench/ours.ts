import { backward } from "../autodiff/backward.ts";
import { compile } from "../compile.ts";
import { type HostArray, hostArray } from "../core/dtype.ts";
import { FASTAI_BINS } from "../core/histogram.ts";
import { PLAIN, pack, unpack } from "../core/layout.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { PlanRunner } from "../gpu/plan-runner.ts";
import { typedArray } from "../gpu/run-once.ts";
import type { Graph } from "../graph/graph.ts";
import { constant, flat, input, stateValue } from "../graph/leaf.ts";
import { trace } from "../graph/trace.ts";
import type { State, Value } from "../graph/value.ts";
import * as ops from "../ops/index.ts";
import type { Choices } from "../passes/choose.ts";
import type { PassName } from "../passes/index.ts";
import { StateTable } from "../plan/state-table.ts";
import type { StepPlan } from "../plan/step-plan.ts";
import { decodeStatistics } from "../train/statistics.ts";
import { type BenchArray, type BenchArrays, workloadArrays } from "./arrays.ts";
import type { Contender, Results } from "./contender.ts";
import { HYPERS, type Workload } from "./workload.ts";

/** A workload but a whole step. */
export type KernelWorkload = Exclude<Workload, { kind: "step" }>;

export interface OursOptions {
  readonly choices?: Choices;
  readonly skip?: readonly PassName[];
}

/** A graph whose arrays are states, so that each lies in the layout its kernel wants and nothing is converted. */
interface KernelGraph {
  readonly graph: Graph;
  /** Contents by state. */
  readonly states: ReadonlyMap<State, BenchArray>;
  readonly inputs: Readonly<Record<string, HostArray>>;
}

type Values = Readonly<Record<string, Value>>;

/** Outputs, and gradients of the named values under the names d…: what `gradientsOf` adds to a trace. */
function withGradients(y: Value, dy: Value, wrt: Values): Values {
  const found = backward(new Map([[y, dy]]), Object.values(wrt));
  return Object.fromEntries(Object.entries(wrt).map(([name, value]) => [`d${name}`, found.get(value)!]));
}

function outputsOf(workload: KernelWorkload, v: Values): Values {
  switch (workload.kind) {
    case "matmul":
      return { y: ops.matmul(v.a!, v.b!) };
    case "conv": {
      const y = ops.conv2d(v.x!, v.weight!, null, { padding: (workload.kernel - 1) / 2 });
      if (workload.pass === "forward") return { y };
      return withGradients(y, v.dy!, workload.pass === "inputGradient" ? { x: v.x! } : { weight: v.weight! });
    }
    case "convBlock": {
      const { x, weight, gamma, beta } = v as Record<"x" | "weight" | "gamma" | "beta", Value>;
      const conv = ops.conv2d(x, weight, null, { padding: (workload.kernel - 1) / 2 });
      const normal = ops.batchNorm(conv, { weight: gamma, bias: beta });
      const y = ops.maxPool2d(ops.relu(normal), { kernel: 2 });
      return { y, ...withGradients(y, v.dy!, { x, weight, gamma, beta }) };
    }
    case "batchNorm": {
      const { x, gamma, beta } = v as Record<"x" | "gamma" | "beta", Value>;
      const y = ops.batchNorm(x, { weight: gamma, bias: beta });
      return { y, ...withGradients(y, v.dy!, { x, gamma, beta }) };
    }
    case "pool": {
      const pool = workload.pool === "max" ? ops.maxPool2d : ops.avgPool2d;
      const y = pool(v.x!, { kernel: 2 });
      return { y, ...withGradients(y, v.dy!, { x: v.x! }) };
    }
    case "crossEntropy": {
      const loss = ops.crossEntropy(v.logits!, v.labels!);
      return { loss, ...withGradients(loss, constant(1), { logits: v.logits! }) };
    }
    case "statistics":
      return { statistics: ops.statistics(v.x!, FASTAI_BINS) };
    case "optimizer":
      return {};
  }
}

function stateOf(name: string, { shape, data }: BenchArray): State {
  return { name, shape, dtype: "f32", role: "parameter", init: () => data };
}

/** The graph of a kernel case. */
export function kernelGraph(
  workload: KernelWorkload,
  arrays: BenchArrays = workloadArrays(workload),
): KernelGraph {
  const floats = Object.entries(arrays).filter(([, { data }]) => data instanceof Float32Array);
  const integers = Object.entries(arrays).filter(([, { data }]) => data instanceof Int32Array);
  const named = new Map(floats.map(([name, array]) => [name, stateOf(name, array)]));
  const inputs = Object.fromEntries(integers.map(([name, { data }]) => [name, data as HostArray]));
  const graph = trace("train", () => {
    const values: Record<string, Value> = {};
    for (const [name, state] of named) values[name] = stateValue(state);
    for (const [name, { shape }] of integers) values[name] = input(name, shape, "i32");
    return { outputs: outputsOf(workload, values) };
  });
  return { graph, states: new Map([...named].map(([name, state]) => [state, arrays[name]!])), inputs };
}

/** The flat buffer of parameters from the contents of states. */
export function flatParameters(table: StateTable, states: ReadonlyMap<State, BenchArray>): Float32Array {
  const flatArray = hostArray("f32", table.flatSize("params")) as Float32Array;
  for (const [state, { data }] of states) {
    const segment = table.get(state);
    if (segment) flatArray.set(pack(data as Float32Array, segment.physical), segment.offset);
  }
  return flatArray;
}

function optimizerGraph(rule: "sgd" | "adam"): Graph {
  return trace("train", () => {
    const common = { params: flat("params"), grads: flat("grads"), blocks: flat("blocks") };
    if (rule === "sgd") ops.sgdUpdate({ ...common, velocity: flat("optimizer.velocity") });
    else {
      const moments = {
        firstMoment: flat("optimizer.firstMoment"),
        secondMoment: flat("optimizer.secondMoment"),
      };
      ops.adamUpdate({ ...common, ...moments });
    }
    return { outputs: {} };
  });
}

/** A compiled kernel case with the contents of its memory. */
export interface KernelPlan {
  readonly plan: StepPlan;
  readonly inputs: Readonly<Record<string, HostArray>>;
  readonly flat: Readonly<Record<string, HostArray>>;
}

/** Compiles a kernel case. Its plan holds nothing but the kernels that count. */
export function kernelPlan(
  context: Pick<DeviceContext, "target">,
  workload: KernelWorkload,
  options: OursOptions = {},
): KernelPlan {
  const states = new StateTable();
  const settings = {
    target: context.target,
    states,
    ...(options.choices && { choices: options.choices }),
    ...(options.skip && { skip: options.skip }),
  };
  if (workload.kind === "optimizer") {
    const { params, grads } = workloadArrays(workload);
    states.place(stateOf("params", params!), PLAIN);
    const plan = compile(optimizerGraph(workload.rule), settings);
    return { plan, inputs: {}, flat: { params: params!.data.slice(), grads: grads!.data } };
  }
  const { graph, states: contents, inputs } = kernelGraph(workload);
  const plan = compile(graph, settings);
  return { plan, inputs, flat: { params: flatParameters(states, contents) } };
}

/** Numbers of the step for an optimizer case. */
function rowOf(workload: KernelWorkload) {
  const { lr, momentum, adamLr, beta1, beta2, eps } = HYPERS;
  const adam = workload.kind === "optimizer" && workload.rule === "adam";
  return {
    step: 0,
    seed: 0,
    groups: [adam ? { lr: adamLr, momentum: beta1, beta2, eps } : { lr, momentum }],
  };
}

/** Our side of a kernel case. */
export class OurKernel implements Contender {
  readonly name = "wgfit";
  readonly #context: DeviceContext;
  readonly #workload: KernelWorkload;
  readonly #options: OursOptions;
  #runner: PlanRunner | undefined;

  constructor(context: DeviceContext, workload: KernelWorkload, options: OursOptions = {}) {
    this.#context = context;
    this.#workload = workload;
    this.#options = options;
  }

  get plan(): StepPlan {
    return this.#runner!.plan;
  }

  async first(): Promise<Results> {
    const { plan, inputs, flat: contents } = kernelPlan(this.#context, this.#workload, this.#options);
    this.#runner = await PlanRunner.create(this.#context, plan, {
      inputs,
      flat: contents,
      row: rowOf(this.#workload),
    });
    await this.#runner.run(1);
    return this.#results();
  }

  async #results(): Promise<Results> {
    const runner = this.#runner!;
    if (this.#workload.kind === "optimizer") {
      return { params: new Float32Array(await runner.read("params")).slice(0, this.#workload.count) };
    }
    const bytes = await runner.outputs();
    if (this.#workload.kind === "statistics") {
      const { mean, std } = decodeStatistics(bytes.statistics!, FASTAI_BINS);
      return { mean: Float32Array.of(mean), std: Float32Array.of(std) };
    }
    return Object.fromEntries(
      Object.entries(runner.plan.outputs).map(([name, output]) => [
        name,
        unpack(typedArray(bytes[name]!, output), output.physical) as Float32Array,
      ]),
    );
  }

  /** Encoding and submitting count, as they do for the peers. */
  async run(times: number): Promise<number> {
    const started = performance.now();
    await this.#runner!.run(times);
    return performance.now() - started;
  }

  dispose(): void {
    this.#runner?.destroy();
  }
}
