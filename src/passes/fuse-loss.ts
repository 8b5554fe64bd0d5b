import type { Target } from "../graph/define.ts";
import { type Graph, keptValues, makeNode, type Node, usesOf } from "../graph/graph.ts";
import { producer, type Value } from "../graph/value.ts";
import { CROSS_ENTROPY, CROSS_ENTROPY_GRADIENT, type CrossEntropyAttrs } from "../ops/cross-entropy.ts";
import {
  type CrossEntropyWithGradientAttrs,
  crossEntropyWithGradient,
  isManyClasses,
  isSmallBatch,
} from "../ops/cross-entropy-with-gradient.ts";
import { GATHER_INTEGERS, type GatherAttrs } from "../ops/gather.ts";
import { RECORD, type RecordAttrs } from "../ops/record.ts";
import type { ReduceAttrs } from "../ops/reduce.ts";
import { SUM } from "../ops/sum.ts";
import { deadCode } from "./dead-code.ts";
import { Rewriter } from "./rewriter.ts";

type Uses = ReadonlyMap<Value, readonly Node[]>;

/**
 * Cross-entropy of a small batch of class indices and its gradient become one dispatch, which also gathers the labels,
 * records the loss and sums the gradient over the batch (the gradient of a bias) where those were ops of their own.
 * With more logits, the two become one only where rows have many classes and the adapter gains by it.
 * Needs an upstream gradient that does not depend on the loss.
 */
export function fuseLoss(graph: Graph, target: Target): Graph {
  const rewriter = new Rewriter();
  const uses = usesOf(graph);
  const kept = keptValues(graph);
  const done = new Set<Node>();
  const keep = (node: Node) => {
    rewriter.keep(node);
    done.add(node);
  };
  for (const node of graph.nodes) {
    if (done.has(node)) continue;
    const gradient = gradientOf(node, target, uses, kept);
    const seed = gradient && producer(gradient.inputs.dy!);
    if (!gradient || (seed && !done.has(seed) && !isSeed(seed))) {
      keep(node);
      continue;
    }
    if (seed && !done.has(seed)) keep(seed);
    const isSmall = isSmallBatch(node.inputs.logits!.shape);
    const around = isSmall ? opsAround(node, gradient, uses, kept) : NOTHING;
    const merged = merge(node, gradient, around, rewriter);
    rewriter.nodes.push(merged);
    const { dx, loss, sums } = merged.outputs;
    rewriter.replace(node.outputs.y!, loss!);
    rewriter.replace(gradient.outputs.dx!, dx!);
    for (const { outputs } of around.sums) rewriter.replace(outputs.y!, sums!);
    for (const each of [node, gradient, ...around.sums]) done.add(each);
    if (around.record) done.add(around.record);
  }
  return deadCode(rewriter.finish(graph));
}

/** The one gradient of a loss that the kernel can compute together with it. */
function gradientOf(node: Node, target: Target, uses: Uses, kept: ReadonlySet<Value>): Node | undefined {
  if (node.op !== CROSS_ENTROPY) return undefined;
  const { reduction, weighted, probabilities } = node.attrs as CrossEntropyAttrs;
  const { logits, labels } = node.inputs as { logits: Value; labels: Value };
  if (reduction === "none" || weighted || probabilities) return undefined;
  if (!isSmallBatch(logits.shape) && !isManyClasses(logits.shape, target)) return undefined;
  const { stats, total } = node.outputs as { stats: Value; total: Value };
  if (kept.has(stats) || kept.has(total)) return undefined;
  const readers = new Set([...(uses.get(stats) ?? []), ...(uses.get(total) ?? [])]);
  const [gradient] = readers;
  const fits =
    readers.size === 1 &&
    gradient!.op === CROSS_ENTROPY_GRADIENT &&
    gradient!.inputs.logits === logits &&
    gradient!.inputs.labels === labels;
  return fits ? gradient : undefined;
}

/** True if a node reads no other node's results and changes nothing, so that it can come first. */
function isSeed({ op, inputs }: Node): boolean {
  return !op.writes?.length && Object.values(inputs).every(({ source }) => source.kind !== "node");
}

interface Around {
  /** What gathers the labels, for this loss alone. */
  readonly gather: Node | undefined;
  /** What records the loss and nothing else. */
  readonly record: Node | undefined;
  readonly sums: readonly Node[];
}

const NOTHING: Around = { gather: undefined, record: undefined, sums: [] };

function opsAround(node: Node, gradient: Node, uses: Uses, kept: ReadonlySet<Value>): Around {
  const labels = node.inputs.labels!;
  const gather = producer(labels);
  const alone = !kept.has(labels) && uses.get(labels)!.every((each) => each === node || each === gradient);
  const isColumn =
    gather?.op === GATHER_INTEGERS && (gather.attrs as GatherAttrs).example.every((n) => n === 1);
  const isSum = ({ op, attrs }: Node) => {
    const { axes, keepDims } = attrs as ReduceAttrs;
    return op === SUM && !keepDims && axes.length === 1 && axes[0] === 0;
  };
  return {
    gather: isColumn && alone ? gather : undefined,
    record: uses
      .get(node.outputs.y!)
      ?.find(({ op, inputs }) => op === RECORD && Object.keys(inputs).length === 2),
    sums: (uses.get(gradient.outputs.dx!) ?? []).filter(isSum),
  };
}

function merge(node: Node, gradient: Node, { gather, record, sums }: Around, rewriter: Rewriter): Node {
  const { spec } = crossEntropyWithGradient;
  const inputs = rewriter.resolveAll({
    logits: node.inputs.logits!,
    labels: gather ? gather.inputs.source! : node.inputs.labels!,
    dy: gradient.inputs.dy!,
    ...(gather && { indices: gather.inputs.indices! }),
    ...(record && { records: record.inputs.records! }),
  });
  const { reduction, ignoreIndex, labelSmoothing } = node.attrs as CrossEntropyAttrs;
  const attrs: CrossEntropyWithGradientAttrs = {
    reduction: reduction === "sum" ? "sum" : "mean",
    ignoreIndex,
    labelSmoothing,
    sums: sums.length > 0,
    gathered: gather !== undefined,
    column: record ? (record.attrs as RecordAttrs).first : null,
  };
  const shapes = spec.shape({ logits: inputs.logits!.shape }, attrs);
  const types = Object.fromEntries(
    spec.outputs.map((name) => [name, { shape: shapes[name]!, dtype: "f32" as const }]),
  );
  return makeNode({ op: spec, inputs, attrs, types, path: node.path, phase: node.phase });
}
