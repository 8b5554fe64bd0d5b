import type { Graph } from "../graph/graph.ts";
import { constant } from "../graph/leaf.ts";
import { programOf } from "../graph/pointwise.ts";
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
    const fold = program?.calls.length === 1 ? HOST[program.calls[0]!.fn] : undefined;
    if (fold) rewriter.replace(output, constant(Math.fround(fold(...(numbers as number[])))));
    else rewriter.keep(node);
  }
  return rewriter.finish(graph);
}
