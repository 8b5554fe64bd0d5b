import { EngineError } from "../core/errors.ts";
import { type StoredTensor, toFloats } from "../files/tensor.ts";
import { type Mode, scope, traceMode } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import {
  type AnyModule,
  isValue,
  type Module,
  makeModule,
  type StateDeclaration,
  type Values,
} from "../nn/module.ts";
import { Call, nodeError, type Runner } from "./call.ts";
import { HOST } from "./host-operators.ts";
import { POINTWISE } from "./import-pointwise.ts";
import { SHAPE_OF, SHAPES } from "./import-shape.ts";
import { SPATIAL } from "./import-spatial.ts";
import { LOSSES, UPDATES } from "./import-training.ts";
import type { OnnxGraph, OnnxNode } from "./model.ts";
import type { Role } from "./roles.ts";
import { hostOf, isHost, type Operand } from "./tensors.ts";

const GRAPH: Readonly<Record<string, Runner>> = { ...POINTWISE, ...SHAPES, ...SPATIAL, ...LOSSES };
const TRAINING_DOMAIN = "ai.onnx.preview.training";

/** States of one layer: a module without a forward of its own, so that freezing finds it by its path. */
interface Holder {
  readonly states: Record<string, StateDeclaration>;
  readonly parts: Record<string, Holder>;
}

/** What the layers hand over at the start of a run: every state by its full name, with its layer's mode. */
interface Weights {
  readonly values: Map<string, Value>;
  readonly modes: Map<string, Mode>;
}

/**
 * The module that runs a graph node by node whenever it is traced. "features.0.weight" is the state `weight` of part
 * "0" of part "features", as in PyTorch.
 */
export function onnxModule(
  graph: OnnxGraph,
  opsets: ReadonlyMap<string, number>,
  roles: ReadonlyMap<string, Role>,
  ends: readonly string[],
  writtenBatch: number | undefined,
): Module<Values, Values> {
  const root: Holder = { states: {}, parts: {} };
  for (const [name, role] of roles) {
    if (role !== "constant") addState(root, name, role, graph.initializers.get(name)!);
  }
  let weights: Weights = { values: new Map(), modes: new Map() };
  const parts = Object.fromEntries(
    Object.entries(root.parts).map(([name, holder]) => [name, layer(holder, name, () => weights)]),
  );
  return makeModule<Values, Values>({
    kind: "onnx",
    parts,
    states: root.states,
    attrs: { nodes: graph.nodes.length },
    forward: (inputs, states) => {
      weights = { values: new Map(Object.entries(states)), modes: new Map() };
      for (const part of Object.values(parts)) part({});
      return new Run(graph, opsets, weights, batchOf(graph, inputs, writtenBatch)).outputs(inputs, ends);
    },
  });
}

function addState(root: Holder, name: string, role: "parameter" | "buffer", tensor: StoredTensor): void {
  const words = name.split(".");
  const isPath = words.every(Boolean);
  let holder = root;
  for (const word of isPath ? words.slice(0, -1) : []) {
    holder.parts[word] ??= { states: {}, parts: {} };
    holder = holder.parts[word];
  }
  const init = () => toFloats(tensor);
  holder.states[isPath ? words.at(-1)! : name] = { shape: tensor.shape, role, init };
}

/** A part that enters its states into the weights of the run. */
function layer(holder: Holder, path: string, weights: () => Weights): AnyModule {
  const parts = Object.fromEntries(
    Object.entries(holder.parts).map(([name, inner]) => [name, layer(inner, `${path}.${name}`, weights)]),
  );
  return makeModule({
    kind: "onnxLayer",
    parts,
    states: holder.states,
    forward: (_: Values, states) => {
      for (const [name, value] of Object.entries(states)) {
        weights().values.set(`${path}.${name}`, value);
        weights().modes.set(`${path}.${name}`, traceMode());
      }
      for (const part of Object.values(parts)) part({});
      return {};
    },
  });
}

/** Batch size as written in the file, and the one at hand. */
interface Batch {
  readonly written: number;
  readonly actual: number;
}

function batchOf({ inputs }: OnnxGraph, given: Values, written: number | undefined): Batch | undefined {
  const first = isValue(given) ? given : given[inputs[0]?.name ?? ""];
  const actual = first?.shape[0];
  return written === undefined || actual === undefined || actual === written
    ? undefined
    : { written, actual };
}

/** One pass over the nodes, on values of the capture under way. */
class Run {
  readonly #graph: OnnxGraph;
  readonly #opsets: ReadonlyMap<string, number>;
  readonly #weights: Weights;
  readonly #batch: Batch | undefined;
  readonly #values = new Map<string, Operand>();

  constructor(
    graph: OnnxGraph,
    opsets: ReadonlyMap<string, number>,
    weights: Weights,
    batch: Batch | undefined,
  ) {
    this.#graph = graph;
    this.#opsets = opsets;
    this.#weights = weights;
    this.#batch = batch;
  }

  outputs(inputs: Values, ends: readonly string[]): Values {
    const [only] = this.#graph.inputs;
    const given = isValue(inputs) ? { [only?.name ?? ""]: inputs } : inputs;
    for (const [name, value] of Object.entries(given)) this.#values.set(name, value);
    for (const node of this.#graph.nodes) this.#run(node);
    const results = ends.map((name) => [name, this.#end(name)] as const);
    return results.length === 1 ? results[0]![1] : Object.fromEntries(results);
  }

  /** A value of the graph that is asked for. Errors  DataError for one that does not depend on the inputs */
  #end(name: string): Value {
    const value = this.#operand(name)!;
    if (!isHost(value)) return value;
    const node = this.#graph.nodes.find(({ outputs }) => outputs.includes(name));
    throw nodeError(node ?? EMPTY, [], `output ${name}`, "a value that depends on the inputs", "a constant");
  }

  #operand(name: string): Operand | undefined {
    const known = this.#values.get(name) ?? this.#weights.values.get(name);
    if (known || !name) return known;
    const tensor = this.#graph.initializers.get(name);
    if (!tensor) return undefined;
    const host = hostOf(tensor);
    this.#values.set(name, host);
    return host;
  }

  #run(node: OnnxNode): void {
    const operands = node.inputs.map((name) => this.#operand(name));
    while (operands.length && operands.at(-1) === undefined) operands.pop();
    const modes = node.inputs.map((name) => this.#weights.modes.get(name));
    const mode = modes.includes("eval") ? "eval" : traceMode();
    const call = new Call(node, this.#opsets.get(node.domain) ?? 1, mode, operands, this.#batch);
    const runner = runnerOf(node, operands);
    if (!runner) throw nodeError(node, operands, "operator", "one that is supported", "another");
    const results = this.#located(call, () => runner(call));
    node.outputs.forEach((name, i) => {
      if (!name) return;
      const result = results[i];
      if (result) this.#values.set(name, result);
    });
  }

  /** Errors of our own operators get the node and the shapes of its inputs. */
  #located(call: Call, body: () => readonly Operand[]): readonly Operand[] {
    try {
      return scope(pathOf(call.node), body);
    } catch (error) {
      if (!(error instanceof EngineError) || error.details.op.startsWith("importOnnx")) throw error;
      const { problem, expected, got } = error.details;
      throw nodeError(
        call.node,
        call.operands,
        problem,
        expected ?? "what the operator takes",
        got ?? "another",
      );
    }
  }
}

const EMPTY: OnnxNode = {
  name: "",
  type: "graph",
  domain: "",
  inputs: [],
  outputs: [],
  attributes: new Map(),
};

/** Part of the layer path under which a node's kernels appear. */
function pathOf({ name, outputs, type }: OnnxNode): string {
  return (name || outputs[0] || type).replace(/^\/+/, "").replaceAll("/", ".");
}

function runnerOf(
  { domain, type }: OnnxNode,
  operands: readonly (Operand | undefined)[],
): Runner | undefined {
  const own = (table: Readonly<Record<string, Runner>>) =>
    Object.hasOwn(table, type) ? table[type] : undefined;
  if (domain === TRAINING_DOMAIN) return own(UPDATES);
  if (domain !== "") return undefined;
  const known = operands.every((operand) => operand === undefined || isHost(operand));
  return own(SHAPE_OF) ?? (known ? own(HOST) : undefined) ?? own(GRAPH);
}
