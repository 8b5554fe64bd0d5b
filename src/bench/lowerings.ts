import type { Target } from "../graph/define.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { onBehalf, trace } from "../graph/trace.ts";
import {
  type Choices,
  chooseLowering,
  fittingLowerings,
  isKernel,
  isParts,
  nodeKey,
} from "../passes/choose.ts";

/**
 * Choices with which every node takes one dispatch where it has a kernel that does, instead of several that are faster:
 * how few dispatches a graph can be.
 */
export function singleDispatchChoices(graph: Graph, target: Target): Choices {
  const choices: Record<string, string> = {};
  const visit = (node: Node): void => {
    if (!node.op.lowerings) return;
    const kernel = fittingLowerings(node, target).find(isKernel);
    if (kernel) {
      choices[nodeKey(node)] = kernel.name;
      return;
    }
    const lowering = chooseLowering(node, target, {});
    if (!isParts(lowering)) return;
    const inner = trace("train", () => ({
      outputs: onBehalf(node.path, node.phase, () => lowering.parts(node.inputs, node.attrs)),
    }));
    for (const part of inner.nodes) visit(part);
  };
  for (const node of graph.nodes) visit(node);
  return choices;
}
