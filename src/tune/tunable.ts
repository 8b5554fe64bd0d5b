import { hashString } from "../core/random.ts";
import type { Kernel, Lowering, Target } from "../graph/define.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { type Choices, candidates, isKernel, nodeKey, shapesOf } from "../passes/choose.ts";
import { expand } from "../passes/expand.ts";

/** A node that can be computed in several ways, the default first. */
export interface Tunable {
  /** Its key in a choice vector. */
  readonly key: string;
  /** What results are remembered by: op, shapes, attributes and the candidates' own texts, but not the layer. */
  readonly entry: string;
  readonly node: Node;
  readonly candidates: readonly Lowering[];
}

export interface TunableOptions {
  /** "exact" leaves out lowerings that trade digits for speed. Default "fast": all. */
  readonly precision?: "exact" | "fast";
}

/** Nodes of a traced graph with more than one lowering worth trying, where `choices` names no lowering yet. */
export function tunables(
  graph: Graph,
  target: Target,
  choices: Choices,
  { precision = "fast" }: TunableOptions = {},
): Tunable[] {
  const outer = graph.nodes;
  const inner = expand(graph, target, choices).nodes;
  const found = new Map<string, Tunable>();
  for (const node of [...outer, ...inner]) {
    const key = nodeKey(node);
    if (found.has(key) || choices[key] !== undefined || !isMeasurable(node)) continue;
    const fitting = candidates(node, target).filter(
      (lowering) => precision === "fast" || lowering.precision !== "fast",
    );
    if (fitting.length > 1) found.set(key, { key, entry: entryOf(node, fitting), node, candidates: fitting });
  }
  return [...found.values()];
}

/** Flat buffers have no size of their own that a measurement could take. */
function isMeasurable(node: Node): boolean {
  return (
    Boolean(node.op.lowerings) && Object.values(node.inputs).every(({ source }) => source.kind !== "flat")
  );
}

function entryOf(node: Node, fitting: readonly Lowering[]): string {
  const texts = fitting.map((lowering) => `${lowering.name}:${isKernel(lowering) ? lowering.wgsl : ""}`);
  const shapes = Object.entries(shapesOf(node)).map(([name, shape]) => `${name}[${shape.join()}]`);
  const version = hashString(texts.join("|")).toString(36);
  return [node.op.name, ...shapes, JSON.stringify(node.attrs), version].join(" ");
}

/** Lowerings that compile in little time, for the first steps of a run whose choices are being measured. */
export function quickChoices(graph: Graph, target: Target): Choices {
  const choices: Record<string, string> = {};
  for (const node of graph.nodes) {
    const quick = candidates(node, target).find((lowering) => lowering.quick);
    if (quick) choices[nodeKey(node)] = quick.name;
  }
  return choices;
}

/** Choices under which no node trades digits for speed. */
export function exactChoices(graph: Graph, target: Target): Choices {
  const choices: Record<string, string> = {};
  for (const node of graph.nodes) {
    const [first, ...others] = candidates(node, target);
    if (first?.precision !== "fast") continue;
    const exact = others.find((lowering) => lowering.precision !== "fast");
    if (exact) choices[nodeKey(node)] = exact.name;
  }
  return choices;
}

/** The kernel that all others are held against: the most general one, which stands last in the op's list. */
export function plainKernel({ node }: Pick<Tunable, "node">, target: Target): Kernel {
  const context = { shape: shapesOf(node), attrs: node.attrs, target };
  const fitting = node.op.lowerings!.filter((lowering) => lowering.when?.(context) ?? true);
  return fitting.filter(isKernel).at(-1)!;
}
