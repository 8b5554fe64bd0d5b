import { sameShape } from "../core/shape.ts";
import type { Kernel, Target, Windows } from "../graph/define.ts";
import { type Graph, keptValues, makeNode, type Node, outputTypes, usesOf } from "../graph/graph.ts";
import { type PointwiseProgram, programOf } from "../graph/pointwise.ts";
import { producer, type Value } from "../graph/value.ts";
import { type Choices, chooseLowering, isKernel, shapesOf } from "./choose.ts";
import { deadCode } from "./dead-code.ts";
import { ProgramBuilder } from "./fuse-pointwise.ts";
import { inlineProgram, placeOperands } from "./fuse-prologue.ts";
import { Rewriter } from "./rewriter.ts";

/**
 * A reduction over the gradient that pooling spreads over its windows (the sums of batch norm's backward pass) takes
 * the gradient of the pooled image instead and spreads it itself, so that the spread gradient has one reader left and
 * fuses into it. Needs windows that stand apart, and pointwise ops only between the reduction's x and what was pooled.
 */
export function fuseWindows(graph: Graph, target: Target, choices: Choices): Graph {
  const rewriter = new Rewriter();
  const uses = usesOf(graph);
  const kept = keptValues(graph);
  for (const node of graph.nodes) {
    const found = node.op.overWindows && matchWindows(node, uses, kept);
    const merged = found && overWindows(node, found, rewriter, target, choices);
    if (!merged) {
      rewriter.keep(node);
      continue;
    }
    rewriter.nodes.push(merged);
    rewriter.replaceOutputs(node, merged.outputs);
  }
  return deadCode(rewriter.finish(graph));
}

interface Match {
  readonly windows: Windows;
  /** The node that spreads the gradient. */
  readonly spread: Node;
  /** What was pooled; undefined where the windows are averages. */
  readonly pooled: Value | undefined;
  readonly made: ReadonlySet<Value>;
}

/** The pooling behind a reduction's `dy`, with pointwise ops of x and of the spread gradient between them. */
function matchWindows(
  node: Node,
  uses: ReadonlyMap<Value, Node[]>,
  kept: ReadonlySet<Value>,
): Match | undefined {
  const { x, dy } = node.inputs as { x: Value; dy: Value };
  if (kept.has(dy) || uses.get(dy)!.length > 2) return undefined;
  const { made, leaves } = pointwiseTree(dy);
  const [from, ...others] = leaves.filter((leaf) => leaf !== x);
  const spread = from && producer(from);
  if (!spread?.op.spreads || others.length > 0 || kept.has(from!)) return undefined;
  const inside = (reader: Node) => made.has(Object.values(reader.outputs)[0]!);
  if (from !== dy && !uses.get(from!)!.every(inside)) return undefined;
  const windows = spread.op.spreads(shapesOf(spread), spread.attrs);
  if (!windows) return undefined;
  const pooled = windows.kind === "maximum" ? spread.inputs.x : undefined;
  if (!pooled) return { windows, spread, pooled, made };
  const below = pointwiseTree(pooled);
  if (below.leaves.some((leaf) => leaf !== x)) return undefined;
  return { windows, spread, pooled, made: new Set([...made, ...below.made]) };
}

/** The pointwise values that a value is made of, itself included, and the arrays of its shape under them. */
function pointwiseTree(value: Value): { made: Set<Value>; leaves: Value[] } {
  const made = new Set<Value>();
  const leaves = new Set<Value>();
  const pending = [value];
  for (let each = pending.pop(); each; each = pending.pop()) {
    const maker = producer(each);
    if (!maker || !programOf(maker)) {
      leaves.add(each);
      continue;
    }
    made.add(each);
    pending.push(...Object.values(maker.inputs).filter((operand) => sameShape(operand.shape, value.shape)));
  }
  return { made, leaves: [...leaves] };
}

function overWindows(
  node: Node,
  { windows, spread, pooled, made }: Match,
  rewriter: Rewriter,
  target: Target,
  choices: Choices,
): Node | undefined {
  const draft = makeNode({
    ...node,
    op: node.op.overWindows!,
    inputs: rewriter.resolveAll({ ...node.inputs, dy: spread.inputs.dy! }),
    attrs: windows,
    types: outputTypes(node),
  });
  const kernel = chooseLowering(draft, target, choices);
  if (!isKernel(kernel)) return undefined;
  let inputs: Record<string, Value> = { ...draft.inputs };
  const prologues: Record<string, PointwiseProgram> = {};
  const fuse = (input: string, value: Value | undefined) => {
    if (!value || !made.has(value)) return;
    const placed = fusedInput(input, value, made, kernel, inputs, rewriter);
    inputs = placed.inputs;
    prologues[input] = placed.program;
  };
  fuse("x", pooled);
  fuse("dy", node.inputs.dy);
  const bound = new Set(Object.values(inputs)).size + Object.keys(draft.outputs).length;
  if (bound > target.maxStorageBuffersPerShaderStage) return undefined;
  return makeNode({ ...draft, inputs, prologues, types: outputTypes(draft) });
}

/** The program that makes an input, over the reduction's x and (for dy) the gradient at one element. */
function fusedInput(
  input: string,
  value: Value,
  made: ReadonlySet<Value>,
  kernel: Kernel,
  before: Readonly<Record<string, Value>>,
  rewriter: Rewriter,
) {
  const builder = new ProgramBuilder();
  const maker = producer(value)!;
  const result = inlineProgram(builder, programOf(maker)!, maker.inputs, made, rewriter);
  const { inputs, operands } = placeOperands(input, value, builder, kernel, before);
  // placeOperands binds the spread gradient as dy; the kernel reads the pooled one.
  return {
    inputs: { ...inputs, [input]: before[input]! },
    program: { ...builder.program(result), operands },
  };
}
