import type { Target } from "../graph/define.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { onBehalf, trace } from "../graph/trace.ts";
import { type Choices, chooseLowering, isParts } from "./choose.ts";
import { Rewriter } from "./rewriter.ts";

/**
 * Replaces every node whose chosen lowering consists of other ops by those ops, until none is left. Runs after autodiff,
 * so that a composite op has its own textbook gradient, and before fusion, so that its parts fuse.
 */
export function expand(graph: Graph, target: Target, choices: Choices): Graph {
  const rewriter = new Rewriter();
  for (const node of graph.nodes) expandNode(node, rewriter, target, choices);
  return rewriter.finish(graph);
}

function expandNode(node: Node, rewriter: Rewriter, target: Target, choices: Choices): void {
  const lowering = node.op.lowerings ? chooseLowering(node, target, choices) : undefined;
  if (!lowering || !isParts(lowering)) {
    rewriter.keep(node);
    return;
  }
  const inputs = rewriter.resolveAll(node.inputs);
  const inner = trace("train", () => ({
    outputs: onBehalf(node.path, node.phase, () => lowering.parts(inputs, node.attrs)),
  }));
  for (const part of inner.nodes) expandNode(part, rewriter, target, choices);
  rewriter.replaceOutputs(node, inner.outputs);
}
