import { numel } from "../core/shape.ts";
import type { OnnxGraph, OnnxNode } from "./model.ts";
import { hostOf } from "./tensors.ts";

/** From here on log(1 + eˣ) is x in f32. */
const LINEAR_FROM = 17;

/**
 * Graph without the choice that PyTorch's exporter writes around Softplus: Where(x > 20, x, Softplus(x)) is Softplus(x),
 * which is x there to the last digit.
 */
export function simplified(graph: OnnxGraph): OnnxGraph {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const nodes = graph.nodes.map((node): OnnxNode => {
    const [condition = "", above, otherwise = ""] = node.inputs;
    const [test, soft] = [makers.get(condition), makers.get(otherwise)];
    const isChoice = node.type === "Where" && test?.type === "Greater" && soft?.type === "Softplus";
    if (!isChoice || test.inputs[0] !== above || soft.inputs[0] !== above) return node;
    const limit = graph.initializers.get(test.inputs[1] ?? "");
    const linear = limit && numel(limit.shape) === 1 && hostOf(limit).data[0]! >= LINEAR_FROM;
    return linear ? { ...node, type: "Identity", inputs: [otherwise] } : node;
  });
  return { ...graph, nodes };
}
