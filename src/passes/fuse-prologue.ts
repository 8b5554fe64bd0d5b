import { sameShape } from "../core/shape.ts";
import type { Kernel, Target } from "../graph/define.ts";
import { type Graph, keptValues, makeNode, type Node, outputTypes, usesOf } from "../graph/graph.ts";
import { type PointwiseProgram, programOf } from "../graph/pointwise.ts";
import { producer, scalarConstant, type Value } from "../graph/value.ts";
import { type Choices, chooseLowering, isKernel } from "./choose.ts";
import { deadCode } from "./dead-code.ts";
import { POINTWISE_PROGRAM, ProgramBuilder } from "./fuse-pointwise.ts";
import { Rewriter } from "./rewriter.ts";

/**
 * A pointwise value of which every reader can make it itself (pointwise nodes, kernels with a prologue) is not stored
 * at all but made by each of them, where no reader then reads more arrays of its size than before. So the activation
 * after a batch norm is made again from the norm's input, in pooling and in the backward pass.
 */
export function fusePrologue(graph: Graph, target: Target, choices: Choices): Graph {
  const fusion = new PrologueFusion(graph, target, choices);
  const rewriter = new Rewriter();
  for (const node of graph.nodes) {
    const made = fusion.expanded(node);
    if (made.size > 0) rewriteReader(node, made, fusion.kernelOf(node), rewriter);
    else rewriter.keep(node);
  }
  return deadCode(rewriter.finish(graph));
}

/** Most calls in the making of one value: more is recomputed than a load costs. */
const MOST_CALLS = 16;

class PrologueFusion {
  readonly #target: Target;
  readonly #choices: Choices;
  readonly #uses: Map<Value, Node[]>;
  /** Values that are stored no longer. */
  readonly #vanishing = new Set<Value>();

  constructor(graph: Graph, target: Target, choices: Choices) {
    this.#target = target;
    this.#choices = choices;
    this.#uses = usesOf(graph);
    const kept = keptValues(graph);
    for (const node of graph.nodes) {
      const value = Object.values(node.outputs)[0]!;
      if (!isPointwise(node) || node.phase === "update" || kept.has(value)) continue;
      const readers = this.#uses.get(value) ?? [];
      const all = readers.length > 0 && readers.every((reader) => this.#takes(reader, value));
      if (all && !this.#fitsEpilogue(node)) this.#vanishing.add(value);
    }
    this.#settle(graph);
  }

  /** The chosen kernel of a node that is no pointwise op. */
  kernelOf(node: Node): Kernel | undefined {
    if (!node.op.lowerings) return undefined;
    const lowering = chooseLowering(node, this.#target, this.#choices);
    return isKernel(lowering) ? lowering : undefined;
  }

  /** Values that a node makes itself. */
  expanded(node: Node): Set<Value> {
    const output = Object.values(node.outputs)[0];
    if (output && this.#vanishing.has(output)) return new Set();
    return this.#expand(node).made;
  }

  /** Takes values back until no reader reads more than before. */
  #settle(graph: Graph): void {
    for (let again = true; again; ) {
      again = false;
      for (const node of graph.nodes) {
        const output = Object.values(node.outputs)[0];
        if (output && this.#vanishing.has(output)) continue;
        const { made, leaves } = this.#expand(node);
        if (made.size === 0 || this.#pays(node, made, leaves)) continue;
        for (const value of Object.values(node.inputs)) {
          again = this.#vanishing.delete(value) || again;
        }
      }
    }
  }

  /** What a node reads when everything that vanishes, or that costs no further array, is made by it. */
  #expand(node: Node): { made: Set<Value>; leaves: Set<Value> } {
    const made = new Set<Value>();
    const leaves = new Set(Object.values(node.inputs));
    const open = (value: Value) => {
      made.add(value);
      leaves.delete(value);
      for (const operand of Object.values(producer(value)!.inputs)) leaves.add(operand);
    };
    for (const value of leaves) if (this.#vanishing.has(value)) open(value);
    if (made.size === 0) return { made, leaves };
    for (const value of [...leaves]) {
      const inner = this.#wholeTree(value);
      if (!inner || !this.#opens(node, value, made)) continue;
      const full = [...inner.leaves].filter((leaf) => sameShape(leaf.shape, value.shape));
      if (!full.every((leaf) => leaf !== value && leaves.has(leaf))) continue;
      leaves.delete(value);
      for (const each of inner.made) made.add(each);
      for (const leaf of inner.leaves) leaves.add(leaf);
    }
    return { made, leaves };
  }

  /** True if a stored value may be made by a node: it reads it only where a program can take its place. */
  #opens(node: Node, value: Value, made: ReadonlySet<Value>): boolean {
    const direct = Object.values(node.inputs).includes(value);
    return !direct || made.has(value) || this.#takes(node, value);
  }

  /** A pointwise value with everything pointwise below it. */
  #wholeTree(value: Value): { made: Set<Value>; leaves: Set<Value> } | undefined {
    const maker = producer(value);
    if (!maker || !isPointwise(maker)) return undefined;
    const made = new Set([value]);
    const leaves = new Set(Object.values(maker.inputs));
    for (const leaf of leaves) {
      const inner = producer(leaf);
      if (!inner || !isPointwise(inner) || !sameShape(leaf.shape, value.shape)) continue;
      made.add(leaf);
      leaves.delete(leaf);
      for (const operand of Object.values(inner.inputs)) leaves.add(operand);
    }
    return { made, leaves };
  }

  #pays(node: Node, made: ReadonlySet<Value>, leaves: ReadonlySet<Value>): boolean {
    const shape = [...made][0]!.shape;
    const full = (values: Iterable<Value>) =>
      [...values].filter((value) => scalarConstant(value) === undefined && sameShape(value.shape, shape));
    const before = full(new Set(Object.values(node.inputs)));
    const buffers = [...leaves].filter((value) => scalarConstant(value) === undefined).length;
    const bound = buffers + Object.keys(node.outputs).length;
    const calls = [...made].reduce((sum, value) => sum + programOf(producer(value)!)!.calls.length, 0);
    return (
      full(leaves).length > 0 &&
      full(leaves).length <= before.length &&
      bound <= this.#target.maxStorageBuffersPerShaderStage &&
      calls <= MOST_CALLS
    );
  }

  /** True if a reader can make a value itself wherever it reads it. */
  #takes(reader: Node, value: Value): boolean {
    const output = Object.values(reader.outputs)[0];
    if (isPointwise(reader)) return sameShape(value.shape, output!.shape) && reader.phase !== "update";
    const kernel = this.kernelOf(reader);
    if (!kernel?.prologues || reader.prologues) return false;
    const names = Object.keys(reader.inputs).filter((name) => reader.inputs[name] === value);
    return names.length === 1 && kernel.prologues[names[0]!] !== undefined;
  }

  /** True if the node goes into the store of the kernel before it at no further load. */
  #fitsEpilogue(node: Node): boolean {
    const output = Object.values(node.outputs)[0]!;
    const full = Object.values(node.inputs).filter((value) => sameShape(value.shape, output.shape));
    const [only] = full;
    const maker = only && producer(only);
    if (full.length !== 1 || !maker?.op.lowerings || this.#uses.get(only!)!.length !== 1) return false;
    return this.kernelOf(maker)?.hooks?.includes("epilogue") ?? false;
  }
}

function isPointwise(node: Node): boolean {
  return programOf(node) !== undefined;
}

function rewriteReader(
  node: Node,
  made: ReadonlySet<Value>,
  kernel: Kernel | undefined,
  rewriter: Rewriter,
): void {
  if (isPointwise(node)) {
    const builder = new ProgramBuilder();
    const result = inlineProgram(builder, programOf(node)!, node.inputs, made, rewriter);
    const fused = makeNode({
      op: POINTWISE_PROGRAM,
      inputs: builder.inputs(),
      attrs: { program: builder.program(result) },
      types: { y: Object.values(outputTypes(node))[0]! },
      path: node.path,
      phase: node.phase,
    });
    rewriter.nodes.push(fused);
    rewriter.replace(Object.values(node.outputs)[0]!, fused.outputs.y!);
    return;
  }
  let inputs = rewriter.resolveAll(node.inputs);
  const prologues: Record<string, PointwiseProgram> = {};
  for (const [name, value] of Object.entries(node.inputs)) {
    if (!made.has(value)) continue;
    const builder = new ProgramBuilder();
    const maker = producer(value)!;
    const result = inlineProgram(builder, programOf(maker)!, maker.inputs, made, rewriter);
    const placed = placeOperands(name, value, builder, kernel!, inputs);
    inputs = placed.inputs;
    prologues[name] = { ...builder.program(result), operands: placed.operands };
  }
  const merged = makeNode({ ...node, inputs, prologues, types: outputTypes(node) });
  rewriter.nodes.push(merged);
  rewriter.replaceOutputs(node, merged.outputs);
}

/** Appends a program whose operands among `made` are made in place; returns the call of its result. */
export function inlineProgram(
  builder: ProgramBuilder,
  program: PointwiseProgram,
  inputs: Readonly<Record<string, Value>>,
  made: ReadonlySet<Value>,
  rewriter: Rewriter,
  calls = new Map<Value, number>(),
): number {
  const refs = program.operands.map((name) => {
    const value = inputs[name]!;
    if (!made.has(value)) return builder.operand(rewriter.resolve(value));
    const maker = producer(value)!;
    const call =
      calls.get(value) ?? inlineProgram(builder, programOf(maker)!, maker.inputs, made, rewriter, calls);
    calls.set(value, call);
    return { call };
  });
  return builder.inline(program, refs);
}

/** Names of a prologue's operands among a node's inputs: its own where it has them, f0, f1, … beside them. */
export function placeOperands(
  input: string,
  value: Value,
  builder: ProgramBuilder,
  kernel: Kernel,
  before: Readonly<Record<string, Value>>,
): { inputs: Record<string, Value>; operands: string[] } {
  const inputs = { ...before };
  const values = Object.values(builder.inputs());
  const { args } = kernel.prologues![input]!;
  const others = args.filter((arg) => arg !== input);
  const full = values.filter((each) => sameShape(each.shape, value.shape));
  const main =
    full.find((each) => !others.some((arg) => inputs[arg] === each)) ?? full[0] ?? inputs[others.at(-1)!]!;
  inputs[input] = main;
  const operands = values.map((each) => {
    const arg = [input, ...others].find((name) => inputs[name] === each);
    if (arg) return arg;
    const own = kernel.channels?.find((name) => inputs[name] === each || inputs[name] === viewed(each));
    if (own) return own;
    const known = Object.keys(inputs).find((name) => /^f\d+$/.test(name) && inputs[name] === each);
    if (known) return known;
    const name = `f${Object.keys(inputs).filter((other) => /^f\d+$/.test(other)).length}`;
    inputs[name] = each;
    return name;
  });
  return { inputs, operands };
}

/** What a view shows. */
function viewed(value: Value): Value | undefined {
  const maker = producer(value);
  return maker?.op.view ? maker.inputs.x : undefined;
}
