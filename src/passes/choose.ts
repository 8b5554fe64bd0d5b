import { GraphError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { formatShape } from "../core/shape.ts";
import type { Kernel, Lowering, Parts, Target } from "../graph/define.ts";
import type { Node } from "../graph/graph.ts";

/** Which lowering each node takes, by node key; nodes that are absent take the first that fits. */
export type Choices = Readonly<Record<string, string>>;

/** Key of a node in the choice vector: op, layer path and shapes, equal in every plan of a program. */
export function nodeKey(node: Node): string {
  const own = new Set([...node.op.inputs, ...node.op.outputs]);
  const named = Object.entries(shapesOf(node)).filter(([name]) => node.op.variadic || own.has(name));
  const shapes = named.map(([name, shape]) => `${name}${formatShape(shape)}`);
  return `${node.op.name}#${node.path} ${shapes.join(" ")}`;
}

/** Shapes of all inputs and outputs by name. */
export function shapesOf(node: Node): Record<string, Shape> {
  return Object.fromEntries(
    Object.entries({ ...node.inputs, ...node.outputs }).map(([name, value]) => [name, value.shape]),
  );
}

/** Lowerings of a node that its shapes and the adapter allow, best first. */
export function fittingLowerings(node: Node, target: Target): Lowering[] {
  const context = { shape: shapesOf(node), attrs: node.attrs, target };
  return (node.op.lowerings ?? []).filter((lowering) => lowering.when?.(context) ?? true);
}

/** Lowerings worth trying for a node, the default first: those that fit and suit. */
export function candidates(node: Node, target: Target): Lowering[] {
  const context = { shape: shapesOf(node), attrs: node.attrs, target };
  return fittingLowerings(node, target).filter((lowering) => lowering.suits?.(context) ?? true);
}

/** The lowering a node takes. Errors  GraphError if none fits, or the chosen one does not exist */
export function chooseLowering(node: Node, target: Target, choices: Choices): Lowering {
  const fitting = fittingLowerings(node, target);
  const wanted = choices[nodeKey(node)];
  const chosen =
    wanted === undefined
      ? (candidates(node, target)[0] ?? fitting[0])
      : fitting.find((lowering) => lowering.name === wanted);
  if (!chosen) {
    throw new GraphError({
      op: node.op.name,
      problem: wanted === undefined ? "no kernel fits" : "the chosen kernel does not fit",
      expected: wanted ?? "a lowering without a condition as the last of the op's list",
      got: fitting.map((lowering) => lowering.name).join(", ") || "none",
      at: node.path,
      fix:
        wanted === undefined ? "add a general kernel to the op" : "remove the stored choice and tune again",
    });
  }
  return chosen;
}

export function isParts(lowering: Lowering): lowering is Parts {
  return "parts" in lowering;
}

export function isKernel(lowering: Lowering): lowering is Kernel {
  return "wgsl" in lowering;
}
