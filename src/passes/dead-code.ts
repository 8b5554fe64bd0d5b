import { type Graph, keptValues, type Node } from "../graph/graph.ts";

/** Drops nodes whose outputs nobody reads. A node that writes a state stays. */
export function deadCode(graph: Graph): Graph {
  const live = keptValues(graph);
  const kept: Node[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    const needed = node.op.writes?.length || Object.values(node.outputs).some((value) => live.has(value));
    if (!needed) continue;
    kept.push(node);
    for (const value of Object.values(node.inputs)) live.add(value);
  }
  return { ...graph, nodes: kept.reverse() };
}
