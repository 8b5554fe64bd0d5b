import arithmetic from "../../shaders/arithmetic.wgsl?raw";
import identity from "../../shaders/identity.wgsl?raw";
import type { Graph } from "../graph/graph.ts";
import { constant } from "../graph/leaf.ts";
import { type PointwiseProgram, programOf } from "../graph/pointwise.ts";
import { scalarConstant } from "../graph/value.ts";
import { Rewriter } from "./rewriter.ts";

/** Host twins of the pointwise functions that occur between numbers, in f32. */
const HOST: Readonly<Record<string, (...args: number[]) => number>> = {
  add: (a, b) => a! + b!,
  sub: (a, b) => a! - b!,
  mul: (a, b) => a! * b!,
  div: (a, b) => a! / b!,
  neg: (a) => -a!,
  identity: (a) => a!,
};

/** Arithmetic between numbers happens here instead of on the device (the 1/N of a mean's gradient). */
export function foldConstants(graph: Graph): Graph {
  const rewriter = new Rewriter();
  for (const node of graph.nodes) {
    const inputs = Object.values(rewriter.resolveAll(node.inputs));
    const numbers = inputs.map(scalarConstant);
    const output = Object.values(node.outputs)[0]!;
    const known = numbers.every((number) => number !== undefined);
    const scalar = known && output.shape.length === 0;
    const program = scalar ? programOf(node) : undefined;
    const result = program ? resultOf(program, numbers as number[]) : Number.NaN;
    // WGSL has no literal for infinities and NaN: the device makes those.
    if (Number.isFinite(result)) rewriter.replace(output, constant(result));
    else rewriter.keep(node);
  }
  return rewriter.finish(graph);
}

/** What a program of one of the library's own functions gives for numbers; NaN for any other. */
function resultOf({ calls }: PointwiseProgram, numbers: readonly number[]): number {
  const [call] = calls;
  const own = calls.length === 1 && (call!.wgsl === arithmetic || call!.wgsl === identity);
  const fold = own ? HOST[call!.fn] : undefined;
  return fold ? Math.fround(fold(...numbers)) : Number.NaN;
}
