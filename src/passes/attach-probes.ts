import type { Target } from "../graph/define.ts";
import { type Graph, makeNode, type Node, outputTypes } from "../graph/graph.ts";
import { programOf } from "../graph/pointwise.ts";
import type { GraphProbe } from "../graph/probe.ts";
import { onBehalf, trace } from "../graph/trace.ts";
import { producer, type Value } from "../graph/value.ts";
import { add } from "../ops/add.ts";
import { neg } from "../ops/neg.ts";
import { statistics } from "../ops/statistics.ts";
import { fusePointwise } from "./fuse-pointwise.ts";

/**
 * Appends the statistics of the probed values, after all other passes: the nodes that were there stay the same objects
 * in the same order. A value that fusion has removed is computed once more from what is stored, right behind that.
 */
export function attachProbes(graph: Graph, target: Target): Graph {
  const { probes = [] } = graph;
  if (probes.length === 0) return graph;
  const attachment = new Attachment(graph, target);
  for (const probe of probes) attachment.add(probe);
  return attachment.finish();
}

class Attachment {
  readonly #graph: Graph;
  readonly #target: Target;
  /** Place of every node that is there. */
  readonly #places = new Map<Node, number>();
  readonly #firstUpdate: number;
  /** New nodes by the place behind which they go; −1: before all. */
  readonly #behind = new Map<number, Node[]>();
  readonly #outputs: Record<string, Value> = {};

  constructor(graph: Graph, target: Target) {
    this.#graph = graph;
    this.#target = target;
    for (const [place, node] of graph.nodes.entries()) this.#places.set(node, place);
    const first = graph.nodes.findIndex((node) => node.phase === "update");
    this.#firstUpdate = first < 0 ? graph.nodes.length : first;
  }

  add({ name, value, of, histogram }: GraphProbe): void {
    if (of === "change") {
      this.#addChange(name, value, histogram);
      return;
    }
    const copies: Node[] = [];
    const observed = this.#available(value, copies, new Map());
    const path = producer(value)?.path ?? (value.source.kind === "state" ? value.source.state.name : "");
    const phase = producer(value)?.phase ?? "forward";
    const inner = trace("train", () => ({
      outputs: { y: onBehalf(path, phase, () => statistics(observed, histogram)) },
    }));
    const fused = this.#fuse([...copies, ...inner.nodes], inner.outputs.y!);
    this.#outputs[name] = fused.result;
    // A state (weights) is observed once its layout is settled and before the update.
    const place = Math.max(...fused.nodes.map((node) => this.#lastInput(node)));
    this.#insert(place < 0 ? this.#firstUpdate - 1 : place, fused.nodes);
  }

  /** A state is copied, negated, before the update and added to itself after it. */
  #addChange(name: string, value: Value, histogram: GraphProbe["histogram"]): void {
    const path = value.source.kind === "state" ? value.source.state.name : "";
    const before = trace("train", () => ({
      outputs: { y: onBehalf(path, "backward", () => neg(value)) },
    }));
    const after = trace("train", () => ({
      outputs: {
        y: onBehalf(path, "update", () => statistics(add(value, before.outputs.y!), histogram)),
      },
    }));
    this.#insert(this.#firstUpdate - 1, before.nodes);
    this.#insert(this.#graph.nodes.length - 1, after.nodes);
    this.#outputs[name] = after.outputs.y!;
  }

  /** The value that stands for `value` now, or a copy of what computed it before passes took it away. */
  #available(value: Value, copies: Node[], made: Map<Value, Value>): Value {
    let now = value;
    for (let next = this.#graph.replaced?.get(now); next; next = this.#graph.replaced?.get(now)) now = next;
    const maker = producer(now);
    if (!maker || this.#places.has(maker)) return now;
    const known = made.get(now);
    if (known) return known;
    const inputs = Object.fromEntries(
      Object.entries(maker.inputs).map(([name, input]) => [name, this.#available(input, copies, made)]),
    );
    const copy = makeNode({ ...maker, inputs, types: outputTypes(maker) });
    copies.push(copy);
    for (const [name, output] of Object.entries(copy.outputs)) made.set(maker.outputs[name]!, output);
    return made.get(now)!;
  }

  /** Copies of pointwise nodes become one dispatch, as those they are copies of were. */
  #fuse(nodes: readonly Node[], result: Value): { nodes: readonly Node[]; result: Value } {
    if (nodes.filter((node) => programOf(node)).length < 2) return { nodes, result };
    const fused = fusePointwise({ nodes, outputs: { result }, gradients: new Map() }, this.#target);
    return { nodes: fused.nodes, result: fused.outputs.result! };
  }

  /** Place of the last node whose result a node reads; −1 where it reads none of the graph's own. */
  #lastInput(node: Node): number {
    const places = Object.values(node.inputs).map((value) => {
      const maker = producer(value);
      return maker ? (this.#places.get(maker) ?? -1) : -1;
    });
    return Math.max(-1, ...places);
  }

  #insert(place: number, nodes: readonly Node[]): void {
    const list = this.#behind.get(place);
    if (list) list.push(...nodes);
    else this.#behind.set(place, [...nodes]);
  }

  finish(): Graph {
    const nodes: Node[] = [...(this.#behind.get(-1) ?? [])];
    this.#graph.nodes.forEach((node, place) => {
      nodes.push(node, ...(this.#behind.get(place) ?? []));
    });
    return {
      nodes,
      outputs: { ...this.#graph.outputs, ...this.#outputs },
      gradients: this.#graph.gradients,
    };
  }
}
