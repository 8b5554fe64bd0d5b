import type { HostArray } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { storedTensor } from "../files/tensor.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { keptValues, usesOf } from "../graph/graph.ts";
import { producer, type State, type Value } from "../graph/value.ts";
import type { GraphBuilder } from "./graph-builder.ts";

/** How batch norm in evaluation is written: as a node of its own, or inside the convolution before it. */
export type BatchNormForm = "keep" | "fold";

/** A graph being written, traced at two batch sizes: what differs between them is the free batch axis. */
export class Emission {
  readonly builder: GraphBuilder;
  readonly batchNorm: BatchNormForm;
  readonly #values: Readonly<Record<string, HostArray>>;
  readonly #names = new Map<Value, string>();
  readonly #twins = new Map<Value, Value>();
  readonly #uses: Map<Value, Node[]>;
  readonly #kept: Set<Value>;
  /** Nodes whose result another node gave already (a bias, a folded batch norm, an upsampling). */
  readonly done = new Set<Node>();

  constructor(
    builder: GraphBuilder,
    graph: Graph,
    twin: Graph,
    values: Readonly<Record<string, HostArray>>,
    batchNorm: BatchNormForm,
  ) {
    this.builder = builder;
    this.batchNorm = batchNorm;
    this.#values = values;
    this.#uses = usesOf(graph);
    this.#kept = keptValues(graph);
    graph.nodes.forEach((node, i) => {
      const other = twin.nodes[i];
      if (other?.op !== node.op)
        throw batchError(node, "the same nodes whatever the batch size", "other nodes");
      for (const [name, value] of Object.entries(node.outputs)) this.#twins.set(value, other.outputs[name]!);
    });
  }

  /** Name of a value in the ONNX graph; weights and constants are written at their first use. */
  nameOf(value: Value): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const name = this.#leaf(value);
    this.#names.set(value, name);
    return name;
  }

  setName(value: Value, name: string): void {
    this.#names.set(value, name);
  }

  #leaf({ source, shape }: Value): string {
    if (source.kind === "state") {
      const { state } = source;
      const dtype = state.dtype === "f32" ? "F32" : "I64";
      return this.builder.weight(state.name, storedTensor(state.shape, this.valuesOf(state), dtype));
    }
    if (source.kind === "constant" && typeof source.data === "number")
      return this.builder.number(source.data);
    if (source.kind === "constant") return this.builder.floats(source.data as HostArray, shape);
    throw new GraphError({ op: "exportOnnx", problem: `a value of kind ${source.kind} has no name yet` });
  }

  valuesOf(state: State): HostArray {
    return this.#values[state.name]!;
  }

  /** Sizes with −1 where they grow with the batch. Errors  GraphError if more than one does */
  freeShape(value: Value, node: Node): number[] {
    const other = this.#twins.get(value)?.shape ?? value.shape;
    const free = value.shape.map((size, axis) => (size === other[axis] ? size : -1));
    if (free.filter((size) => size === -1).length > 1) {
      throw batchError(node, "one axis that grows with the batch", formatShape(free));
    }
    return free;
  }

  /** Refuses a node whose attribute must be written as a number but grows with the batch. */
  fixed(node: Node, value: Value, axis: number): number {
    const other = this.#twins.get(value)?.shape ?? value.shape;
    if (other[axis] === value.shape[axis]) return value.shape[axis]!;
    throw batchError(node, `a size of axis ${axis} without the batch in it`, formatShape(value.shape));
  }

  /** The only node that uses a value, unless it is an output too. */
  onlyUse(value: Value): Node | undefined {
    const uses = this.#uses.get(value) ?? [];
    return uses.length === 1 && !this.#kept.has(value) ? uses[0] : undefined;
  }
}

/** One number a channel behind a value: a state or constant, seen through the reshapes that broadcasting needs. */
export function perChannel(value: Value, channels: number): Value | undefined {
  const node = producer(value);
  const source = node?.op.name === "reshape" ? node.inputs.x! : value;
  const fits = source.shape.length === 1 && source.shape[0] === channels;
  const shape: Shape = value.shape.length === 1 ? value.shape : value.shape.slice(1);
  const isChannel = value === source ? value.shape.length === 1 : shape[0] === channels;
  return fits && isChannel && producer(source) === undefined ? source : undefined;
}

export function batchError(node: Node, expected: string, got: string): GraphError {
  return new GraphError({
    op: "exportOnnx",
    problem: `${node.op.name} with a free batch axis`,
    expected,
    got,
    at: node.path,
    fix: "write the model so that every example is treated by itself",
  });
}

/** Writes one node; returns the name of its first output. */
export type Emitter = (node: Node, emission: Emission) => string;

/** Names of a node's inputs, in the order of its op. */
export function inputNames(node: Node, emission: Emission): string[] {
  return Object.values(node.inputs).map((value) => emission.nameOf(value));
}
