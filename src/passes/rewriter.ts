import { type Graph, makeNode, type Node, outputTypes } from "../graph/graph.ts";
import type { State, Value } from "../graph/value.ts";

/** Builds a new graph from an old one node by node, keeping track of which new value stands for which old one. */
export class Rewriter {
  readonly nodes: Node[] = [];
  readonly #replacements = new Map<Value, Value>();

  /** What stands for an old value now. */
  resolve(value: Value): Value {
    let now = value;
    for (let next = this.#replacements.get(now); next; next = this.#replacements.get(now)) now = next;
    return now;
  }

  resolveAll(values: Readonly<Record<string, Value>>): Record<string, Value> {
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, this.resolve(value)]));
  }

  /** From now on `replacement` stands for `old`. */
  replace(old: Value, replacement: Value): void {
    if (old !== replacement) this.#replacements.set(old, replacement);
  }

  /** Keeps a node; the same object when none of its inputs changed. */
  keep(node: Node): Node {
    const inputs = this.resolveAll(node.inputs);
    const changed = Object.entries(inputs).some(([name, value]) => value !== node.inputs[name]);
    if (!changed) {
      this.nodes.push(node);
      return node;
    }
    const copy = makeNode({ ...node, inputs, types: outputTypes(node) });
    this.nodes.push(copy);
    this.replaceOutputs(node, copy.outputs);
    return copy;
  }

  replaceOutputs(node: Node, outputs: Readonly<Record<string, Value>>): void {
    for (const [name, value] of Object.entries(node.outputs)) {
      const replacement = outputs[name];
      if (replacement) this.replace(value, replacement);
    }
  }

  /** The new graph, with the old one's outputs and gradients under their new values. */
  finish(graph: Graph): Graph {
    const gradients = new Map<State, Value>();
    for (const [state, value] of graph.gradients) gradients.set(state, this.resolve(value));
    const outputs = this.resolveAll(graph.outputs);
    if (!graph.probes) return { nodes: this.nodes, outputs, gradients };
    const replaced = new Map([...(graph.replaced ?? []), ...this.#replacements]);
    return { nodes: this.nodes, outputs, gradients, probes: graph.probes, replaced };
  }
}
