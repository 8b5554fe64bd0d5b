import type { Graph, Node } from "../graph/graph.ts";
import { scalarConstant, type Value } from "../graph/value.ts";
import { Rewriter } from "./rewriter.ts";

/** Merges nodes with equal op, attributes and inputs. Nodes that write a state are never merged. */
export function commonSubexpression(graph: Graph): Graph {
  const rewriter = new Rewriter();
  const opIds = new Map<object, number>();
  const seen = new Map<string, Node>();
  for (const node of graph.nodes) {
    const kept = rewriter.keep(node);
    if (node.op.writes?.length) continue;
    if (!opIds.has(node.op)) opIds.set(node.op, opIds.size);
    const inputs = Object.entries(kept.inputs).map(([name, value]) => `${name}=${identity(value)}`);
    const key = `${opIds.get(node.op)}|${inputs.join()}|${JSON.stringify([kept.attrs, kept.epilogue])}`;
    const earlier = seen.get(key);
    if (!earlier) {
      seen.set(key, kept);
      continue;
    }
    rewriter.nodes.pop();
    rewriter.replaceOutputs(node, earlier.outputs);
    if (kept !== node) rewriter.replaceOutputs(kept, earlier.outputs);
  }
  return rewriter.finish(graph);
}

function identity(value: Value): string {
  const scalar = scalarConstant(value);
  return scalar === undefined ? `#${value.id}` : `${scalar}`;
}
