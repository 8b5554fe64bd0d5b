import { sameShape } from "../core/shape.ts";
import type { OpSpec, Target } from "../graph/define.ts";
import { type Graph, keptValues, makeNode, type Node, outputTypes, usesOf } from "../graph/graph.ts";
import { type PointwiseCall, type PointwiseProgram, programOf, type Ref } from "../graph/pointwise.ts";
import { producer, scalarConstant, type Value } from "../graph/value.ts";
import { Rewriter } from "./rewriter.ts";

/** The op of a fused chain; its program is an attribute, its operands are v0, v1, … */
export const POINTWISE_PROGRAM: OpSpec = {
  name: "pointwise",
  inputs: [],
  outputs: ["y"],
  variadic: true,
  shape: (inputs) => ({ y: Object.values(inputs)[0]! }),
  pointwise: "program",
  gradient: { none: "fusion runs after differentiation" },
};

/** Chains of pointwise nodes of one shape become one dispatch, where the value between them has no other reader. */
export function fusePointwise(graph: Graph, target: Target): Graph {
  const rewriter = new Rewriter();
  const uses = usesOf(graph);
  const kept = keptValues(graph);
  const originals = new Map<Node, Node>();
  for (const node of graph.nodes) {
    const absorbed =
      programOf(node) &&
      absorb(node, rewriter, target, (value) => {
        const maker = producer(value);
        const original = maker && (originals.get(maker) ?? maker);
        const source = original && Object.values(original.outputs)[0];
        if (!source || kept.has(source)) return false;
        const readers = uses.get(source) ?? [];
        return readers.length === 1 && readers[0] === node && original.phase === node.phase;
      });
    originals.set(absorbed || rewriter.keep(node), node);
  }
  return rewriter.finish(graph);
}

/** Merges the producers of a node's operands into it. Undefined if there is nothing to merge. */
function absorb(
  node: Node,
  rewriter: Rewriter,
  target: Target,
  onlyReader: (value: Value) => boolean,
): Node | undefined {
  const inputs = rewriter.resolveAll(node.inputs);
  const own = programOf({ ...node, inputs })!;
  const output = Object.values(node.outputs)[0]!;
  const merged = new ProgramBuilder();
  const absorbed = new Map<Value, Ref>();
  const refs: Ref[] = own.operands.map((name) => {
    const value = inputs[name]!;
    const again = absorbed.get(value);
    if (again) return again;
    const maker = producer(value);
    const inner = maker && programOf(maker);
    if (!inner || !sameShape(value.shape, output.shape) || !onlyReader(value)) return merged.operand(value);
    const trial = merged.operandCountWith(Object.values(maker.inputs)) + own.operands.length;
    if (trial + 1 > target.maxStorageBuffersPerShaderStage) return merged.operand(value);
    rewriter.nodes.splice(rewriter.nodes.indexOf(maker), 1);
    const call = merged.inline(
      inner,
      inner.operands.map((operand) => merged.operand(maker.inputs[operand]!)),
    );
    absorbed.set(value, { call });
    return { call };
  });
  if (absorbed.size === 0) return undefined;
  const result = merged.inline(own, refs);
  const fused = makeNode({
    op: POINTWISE_PROGRAM,
    inputs: merged.inputs(),
    attrs: { program: merged.program(result) },
    types: { y: Object.values(outputTypes(node))[0]! },
    path: node.path,
    phase: node.phase,
  });
  rewriter.nodes.push(fused);
  rewriter.replace(output, fused.outputs.y!);
  return fused;
}

/** Collects operands and calls of a merged program; equal operands are read once. */
export class ProgramBuilder {
  readonly #operands: Value[] = [];
  readonly #calls: PointwiseCall[] = [];

  operand(value: Value): Ref {
    const scalar = scalarConstant(value);
    const found = this.#operands.findIndex(
      (other) => other === value || (scalar !== undefined && scalarConstant(other) === scalar),
    );
    if (found >= 0) return { operand: found };
    return { operand: this.#operands.push(value) - 1 };
  }

  /** Buffers that would be bound if `values` were operands too; literals need none. */
  operandCountWith(values: readonly Value[]): number {
    const all = new Set(
      [...this.#operands, ...values].filter((value) => scalarConstant(value) === undefined),
    );
    return all.size;
  }

  /** Appends the calls of a program with the given refs as operands; returns the call of its first result. */
  inline(program: PointwiseProgram, refs: readonly Ref[]): number {
    const base = this.#calls.length;
    for (const call of program.calls) {
      const args = call.args.map((ref) =>
        "operand" in ref ? refs[ref.operand]! : { call: base + ref.call },
      );
      this.#calls.push({ ...call, args });
    }
    return base + Object.values(program.results)[0]!;
  }

  inputs(): Record<string, Value> {
    return Object.fromEntries(this.#operands.map((value, i) => [`v${i}`, value]));
  }

  program(result: number): PointwiseProgram {
    return { operands: this.#operands.map((_, i) => `v${i}`), calls: this.#calls, results: { y: result } };
  }
}
