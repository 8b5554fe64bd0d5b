import { GraphError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import { type Graph, type Node, writtenStates } from "./graph.ts";
import type { Value } from "./value.ts";

/**
 * Checks a graph's invariants: every input precedes its use, shapes are what the op infers, a state has one writer and
 * its readers come before it.
 * Errors  GraphError naming the pass after which it was found
 */
export function verify(graph: Graph, after: string): void {
  const defined = new Set<Value>();
  const written = new Map<Value, Node>();
  for (const node of graph.nodes) {
    for (const [name, value] of Object.entries(node.inputs))
      checkInput(node, name, value, defined, written, after);
    for (const value of writtenStates(node)) written.set(value, node);
    if (node.op.pointwise !== "program" && !node.epilogue) checkShapes(node, after);
    for (const value of Object.values(node.outputs)) defined.add(value);
  }
  for (const value of [...Object.values(graph.outputs), ...graph.gradients.values()]) {
    if (value.source.kind === "node" && !defined.has(value)) {
      throw new GraphError({ op: "verify", problem: `after ${after}: a result is computed by no node` });
    }
  }
}

function checkInput(
  node: Node,
  name: string,
  value: Value,
  defined: ReadonlySet<Value>,
  written: ReadonlyMap<Value, Node>,
  after: string,
): void {
  const at = node.path;
  if (value.source.kind === "node" && !defined.has(value)) {
    throw new GraphError({
      op: node.op.name,
      problem: `after ${after}: input ${name} is used before it is made`,
      at,
    });
  }
  const writer = written.get(value);
  if (writer && (node.op.writes ?? []).includes(name)) {
    throw new GraphError({
      op: node.op.name,
      problem: `after ${after}: state ${name} has two writers`,
      expected: "one",
      got: `${writer.op.name} at ${writer.path} and this one`,
      at,
      fix: "do not share a layer with running statistics between two places of a model",
    });
  }
  if (writer && node.phase !== "update") {
    throw new GraphError({
      op: node.op.name,
      problem: `after ${after}: state ${name} is read after ${writer.op.name} at ${writer.path} has changed it`,
      at,
      fix: "read the state before the op that updates it",
    });
  }
}

function checkShapes(node: Node, after: string): void {
  const names = new Set(node.op.variadic ? Object.keys(node.inputs) : node.op.inputs);
  const shapes = Object.fromEntries(
    Object.entries(node.inputs).flatMap(([name, value]) => (names.has(name) ? [[name, value.shape]] : [])),
  );
  const inferred = node.op.shape(shapes, node.attrs);
  for (const [name, value] of Object.entries(node.outputs)) {
    if (!sameShape(inferred[name]!, value.shape)) {
      throw new GraphError({
        op: node.op.name,
        problem: `after ${after}: shape of ${name}`,
        expected: formatShape(inferred[name]!),
        got: formatShape(value.shape),
        at: node.path,
      });
    }
  }
}
