import type { DType } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";
import type { OpSpec } from "./define.ts";
import type { Epilogue, PointwiseProgram } from "./pointwise.ts";
import type { GraphProbe } from "./probe.ts";
import { makeValue, type State, type Value } from "./value.ts";

/** Part of the step a node belongs to. */
export type Phase = "forward" | "backward" | "update";

/** One application of an op. Immutable; passes make new nodes. */
export interface Node {
  readonly id: number;
  readonly op: OpSpec;
  readonly inputs: Readonly<Record<string, Value>>;
  readonly attrs: object;
  readonly outputs: Readonly<Record<string, Value>>;
  /** Layer path, "features.3"; label, error location and probe key at once. */
  readonly path: string;
  readonly phase: Phase;
  /** Pointwise calls applied to the first output as it is stored; its operands are among `inputs`. */
  readonly epilogue?: Epilogue;
  /** Programs that make inputs of the kernel as they are read; operands are names among `inputs`. */
  readonly prologues?: Readonly<Record<string, PointwiseProgram>>;
}

/** A program over values: nodes in an order in which every input precedes its use. */
export interface Graph {
  readonly nodes: readonly Node[];
  /** Named results that are kept and may be read back. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** Gradient values that are stored in the flat gradient buffer, by the parameter they belong to. */
  readonly gradients: ReadonlyMap<State, Value>;
  /** Values whose statistics are wanted; they keep nothing alive. */
  readonly probes?: readonly GraphProbe[];
  /** With probes: what passes have put in place of values, all passes together. */
  readonly replaced?: ReadonlyMap<Value, Value>;
}

/** What a new node is made from. */
export interface NodeInit {
  readonly op: OpSpec;
  readonly inputs: Readonly<Record<string, Value>>;
  readonly attrs: object;
  readonly types: Readonly<Record<string, { readonly shape: Shape; readonly dtype: DType }>>;
  readonly path: string;
  readonly phase: Phase;
  readonly epilogue?: Epilogue | undefined;
  readonly prologues?: Readonly<Record<string, PointwiseProgram>> | undefined;
}

let nextId = 0;

export function makeNode(init: NodeInit): Node {
  const outputs: Record<string, Value> = {};
  const node: Node = {
    id: nextId++,
    op: init.op,
    inputs: init.inputs,
    attrs: init.attrs,
    outputs,
    path: init.path,
    phase: init.phase,
    ...(init.epilogue && { epilogue: init.epilogue }),
    ...(init.prologues && { prologues: init.prologues }),
  };
  for (const [name, type] of Object.entries(init.types)) {
    outputs[name] = makeValue(type.shape, type.dtype, { kind: "node", node, output: name });
  }
  return node;
}

/** Types of a node's outputs, for making one like it. */
export function outputTypes(node: Node): NodeInit["types"] {
  return Object.fromEntries(
    Object.entries(node.outputs).map(([name, value]) => [name, { shape: value.shape, dtype: value.dtype }]),
  );
}

/** States that a node changes in place. */
export function writtenStates(node: Node): Value[] {
  return (node.op.writes ?? []).map((name) => node.inputs[name]!).filter(Boolean);
}

/** Every value that is not computed by a node of the graph, in order of first use. */
export function leaves(graph: Graph): Value[] {
  const found = new Set<Value>();
  for (const node of graph.nodes) {
    for (const value of Object.values(node.inputs)) if (value.source.kind !== "node") found.add(value);
  }
  for (const value of [...Object.values(graph.outputs), ...graph.gradients.values()]) {
    if (value.source.kind !== "node") found.add(value);
  }
  return [...found];
}

/** All states a graph touches, in order of first use. */
export function statesOf(graph: Graph): State[] {
  return leaves(graph).flatMap((value) => (value.source.kind === "state" ? [value.source.state] : []));
}

/** Consumers of every value. */
export function usesOf(graph: Graph): Map<Value, Node[]> {
  const uses = new Map<Value, Node[]>();
  for (const node of graph.nodes) {
    for (const value of new Set(Object.values(node.inputs))) {
      const list = uses.get(value);
      if (list) list.push(node);
      else uses.set(value, [node]);
    }
  }
  return uses;
}

/** Values that must exist after the step, whoever else reads them. */
export function keptValues(graph: Graph): Set<Value> {
  return new Set([...Object.values(graph.outputs), ...graph.gradients.values()]);
}
