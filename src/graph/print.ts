import { formatShape } from "../core/shape.ts";
import type { Graph, Node } from "./graph.ts";
import { programOf } from "./pointwise.ts";
import type { Value } from "./value.ts";

/** Text of a graph, one node a line, the same for equal graphs whatever their ids. */
export function printGraph(graph: Graph): string {
  const names = new Map<Value, string>();
  const nameOf = (value: Value): string => names.get(value) ?? leafName(value);
  const lines = graph.nodes.map((node) => {
    for (const value of Object.values(node.outputs)) names.set(value, `%${names.size}`);
    const outputs = Object.values(node.outputs).map(
      (value) => `${names.get(value)} ${formatShape(value.shape)}`,
    );
    const inputs = Object.entries(node.inputs).map(([name, value]) => `${name}=${nameOf(value)}`);
    const where = node.path ? `  @${node.path}` : "";
    return `${outputs.join(", ")} = ${operation(node)}(${inputs.join(", ")})${attributes(node)}${where}`;
  });
  for (const [name, value] of Object.entries(graph.outputs)) lines.push(`output ${name} = ${nameOf(value)}`);
  for (const [state, value] of graph.gradients) lines.push(`gradient ${state.name} = ${nameOf(value)}`);
  return lines.join("\n");
}

function operation(node: Node): string {
  const program = node.op.pointwise === "program" ? programOf(node) : undefined;
  const name = program ? program.calls.map((call) => call.fn).join("→") : node.op.name;
  const before = Object.entries(node.prologues ?? {}).map(
    ([input, { calls }]) => `${input}: ${calls.map((call) => call.fn).join("→")}`,
  );
  const after = node.epilogue ? [`→${node.epilogue.program.calls.map((call) => call.fn).join("→")}`] : [];
  return `${name}${[...before, ...after].map((part) => `[${part}]`).join("")}`;
}

function attributes(node: Node): string {
  const shown = Object.entries(node.attrs).filter(
    ([name, value]) => name !== "program" && value !== undefined,
  );
  return shown.length
    ? ` {${shown.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(", ")}}`
    : "";
}

function leafName({ source, shape }: Value): string {
  switch (source.kind) {
    case "input":
      return `${source.name} ${formatShape(shape)}`;
    case "state":
      return source.state.name;
    case "flat":
      return source.buffer;
    case "constant":
      return typeof source.data === "number" ? `${source.data}` : `constant${formatShape(shape)}`;
    case "node":
      return "%?";
  }
}
