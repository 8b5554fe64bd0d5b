import { sameShape } from "../core/shape.ts";
import type { Target } from "../graph/define.ts";
import { type Graph, keptValues, makeNode, type Node, outputTypes, usesOf } from "../graph/graph.ts";
import { programOf } from "../graph/pointwise.ts";
import { producer, scalarConstant, type Value } from "../graph/value.ts";
import { type Choices, chooseLowering, isKernel } from "./choose.ts";
import { ProgramBuilder } from "./fuse-pointwise.ts";
import { Rewriter } from "./rewriter.ts";

/**
 * Bias, activation or residual goes into the store of the kernel that computes its operand, where that kernel declares
 * the `epilogue` hook and nobody else reads the bare result.
 */
export function fuseEpilogue(graph: Graph, target: Target, choices: Choices): Graph {
  const uses = usesOf(graph);
  const kept = keptValues(graph);
  const hosts = new Map<Node, { host: Node; operand: string }>();
  const hosted = new Set<Node>();
  for (const node of graph.nodes) {
    const found = findHost(node, (host, value) => {
      if (kept.has(value) || uses.get(value)!.length !== 1 || hosted.has(host) || host.phase !== node.phase)
        return false;
      const lowering = chooseLowering(host, target, choices);
      if (!isKernel(lowering) || !lowering.hooks?.includes("epilogue")) return false;
      const operands = Object.values(node.inputs).filter(
        (v) => v !== value && scalarConstant(v) === undefined,
      );
      const read = new Set([...Object.values(host.inputs), ...operands]);
      const buffers = [...read].filter((v) => scalarConstant(v) === undefined).length;
      return buffers + Object.keys(host.outputs).length <= target.maxStorageBuffersPerShaderStage;
    });
    if (!found) continue;
    hosts.set(node, found);
    hosted.add(found.host);
  }
  const rewriter = new Rewriter();
  for (const node of graph.nodes) {
    if (hosted.has(node)) continue;
    const found = hosts.get(node);
    if (found) fuse(node, found.host, found.operand, rewriter);
    else rewriter.keep(node);
  }
  return rewriter.finish(graph);
}

function findHost(node: Node, accepts: (host: Node, value: Value) => boolean) {
  if (!programOf(node)) return undefined;
  const output = Object.values(node.outputs)[0]!;
  for (const [operand, value] of Object.entries(node.inputs)) {
    const host = producer(value);
    if (!host?.op.lowerings || host.epilogue || host.op.writes?.length || host.op.outputs.length > 1)
      continue;
    if (value !== host.outputs[host.op.outputs[0]!] || !sameShape(value.shape, output.shape)) continue;
    if (accepts(host, value)) return { host, operand };
  }
  return undefined;
}

/** The host with the node's program as its epilogue, at the node's place, where all operands are known. */
function fuse(node: Node, host: Node, operand: string, rewriter: Rewriter): void {
  const value = node.inputs[operand]!;
  const builder = new ProgramBuilder();
  builder.operand(value);
  const program = programOf(node)!;
  const result = builder.inline(
    program,
    program.operands.map((name) => builder.operand(node.inputs[name]!)),
  );
  const { v0: _stored, ...extra } = builder.inputs();
  const renamed = Object.fromEntries(Object.entries(extra).map(([name, v]) => [`e${name.slice(1)}`, v]));
  const merged = makeNode({
    ...host,
    inputs: rewriter.resolveAll({ ...host.inputs, ...renamed }),
    types: outputTypes(host),
    // The host is what the tuner chose a kernel for, and what the time belongs to.
    path: host.path,
    epilogue: { program: builder.program(result) },
  });
  rewriter.nodes.push(merged);
  // The bare result has no other reader and exists no longer: nothing stands for it.
  rewriter.replace(Object.values(node.outputs)[0]!, merged.outputs[host.op.outputs[0]!]!);
}
