import type { Graph, Node } from "../graph/graph.ts";
import { scalarConstant, type Value } from "../graph/value.ts";
import { Rewriter } from "./rewriter.ts";

/** Merges nodes with equal op, attributes and inputs. Nodes that write a state are never merged. */
export function commonSubexpression(graph: Graph): Graph {
  const rewriter = new Rewriter();
  const ids = new Map<unknown, number>();
  const seen = new Map<string, Node>();
  for (const node of graph.nodes) {
    const kept = rewriter.keep(node);
    if (node.op.writes?.length) continue;
    const inputs = Object.entries(kept.inputs).map(([name, value]) => `${name}=${identity(value)}`);
    const key = `${idOf(node.op, ids)}|${inputs.join()}|${textOf([kept.attrs, kept.epilogue, kept.prologues], ids)}`;
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

function idOf(thing: unknown, ids: Map<unknown, number>): number {
  if (!ids.has(thing)) ids.set(thing, ids.size);
  return ids.get(thing)!;
}

/** JSON that also tells apart what JSON writes as null or leaves out: infinities, NaN, −0, functions. */
function textOf(attributes: unknown, ids: Map<unknown, number>): string {
  return JSON.stringify(attributes, (_, value: unknown) => {
    if (typeof value === "function") return { function: idOf(value, ids) };
    if (typeof value !== "number") return value;
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { number: Object.is(value, -0) ? "-0" : `${value}` };
  });
}
