import { sameShape } from "../core/shape.ts";
import { type Graph, makeNode, outputTypes } from "../graph/graph.ts";
import { producer } from "../graph/value.ts";
import { Rewriter } from "./rewriter.ts";

/** A view of a view becomes a view of the original; a view that changes nothing disappears. */
export function foldViews(graph: Graph): Graph {
  const rewriter = new Rewriter();
  for (const node of graph.nodes) {
    if (!node.op.view) {
      rewriter.keep(node);
      continue;
    }
    let source = rewriter.resolve(node.inputs.x!);
    const inner = producer(source);
    if (inner?.op.view) source = inner.inputs.x!;
    const [name, output] = Object.entries(node.outputs)[0]!;
    if (sameShape(source.shape, output.shape)) {
      rewriter.replace(output, source);
      continue;
    }
    const view = makeNode({ ...node, inputs: { x: source }, types: outputTypes(node) });
    rewriter.nodes.push(view);
    rewriter.replace(output, view.outputs[name]!);
  }
  return rewriter.finish(graph);
}
