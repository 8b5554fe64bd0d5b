import { GraphError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import { apply, type OpSpec } from "../graph/define.ts";
import type { Node } from "../graph/graph.ts";
import type { PointwiseSpec } from "../graph/pointwise.ts";
import { currentTrace, onBehalf } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import { add } from "../ops/add.ts";

/**
 * Appends the backward pass to the trace: for every value of `wrt` the gradient of Σ seed·root over all roots.
 * Walks the nodes in reverse, asks each op for the gradients that somebody needs, and adds up where a value is used
 * more than once. Values that no root depends on are absent from the result.
 * Errors  GraphError if an op on the way has no gradient, or returns one of another shape
 */
export function backward(seeds: ReadonlyMap<Value, Value>, wrt: Iterable<Value>): Map<Value, Value> {
  const nodes = [...currentTrace("backward").nodes];
  const needed = dependents(nodes, wrt);
  const gradients = new Map<Value, Value>(seeds);
  for (const node of nodes.reverse()) {
    const dOut: Record<string, Value | undefined> = {};
    for (const [name, value] of Object.entries(node.outputs)) dOut[name] = gradients.get(value);
    const dy = dOut[node.op.outputs[0]!];
    if (Object.values(dOut).every((d) => d === undefined)) continue;
    if (!Object.values(node.inputs).some((value) => needed.has(value))) continue;
    onBehalf(node.path, "backward", () => {
      const inputGradients = gradientsOf(node, dy, dOut, needed);
      for (const [name, gradient] of Object.entries(inputGradients)) {
        if (gradient) accumulate(gradients, node, name, gradient, needed);
      }
    });
  }
  return gradients;
}

/** Values whose change changes a value of `wrt`'s consumers: `wrt` and everything computed from it. */
function dependents(nodes: readonly Node[], wrt: Iterable<Value>): Set<Value> {
  const needed = new Set(wrt);
  for (const node of nodes) {
    if (Object.values(node.inputs).some((value) => needed.has(value))) {
      for (const value of Object.values(node.outputs)) needed.add(value);
    }
  }
  return needed;
}

function accumulate(
  gradients: Map<Value, Value>,
  node: Node,
  name: string,
  gradient: Value,
  needed: ReadonlySet<Value>,
): void {
  const target = node.inputs[name];
  if (!target || !needed.has(target)) return;
  if (!sameShape(gradient.shape, target.shape)) {
    throw new GraphError({
      op: node.op.name,
      problem: `shape of the gradient of ${name}`,
      expected: formatShape(target.shape),
      got: formatShape(gradient.shape),
      at: node.path,
      fix: `return a gradient of ${name}'s own shape from the op's \`gradient\``,
    });
  }
  const previous = gradients.get(target);
  gradients.set(target, previous ? add(previous, gradient) : gradient);
}

function gradientsOf(
  node: Node,
  dy: Value | undefined,
  dOut: Record<string, Value | undefined>,
  needed: ReadonlySet<Value>,
): Readonly<Record<string, Value | false | undefined>> {
  const { op } = node;
  if (op.gradient && "none" in op.gradient) throw noGradient(node, op.gradient.none);
  if (!dy)
    throw noGradient(node, `its first output ${op.outputs[0]} is not part of the loss, another one is`);
  if (op.gradient) {
    const needs = Object.fromEntries(
      Object.entries(node.inputs).map(([name, value]) => [name, needed.has(value)]),
    );
    return op.gradient({ in: node.inputs, out: node.outputs, dy, dOut, attrs: node.attrs, needs });
  }
  const derived = derivedGradient(op);
  if (!derived) throw noGradient(node, "it declares none");
  const saved =
    (op.pointwise as PointwiseSpec).saves === "y" ? node.outputs[op.outputs[0]!]! : node.inputs.x!;
  return { x: apply(derived, { dy, saved }, node.attrs).dx };
}

function noGradient(node: Node, reason: string): GraphError {
  return new GraphError({
    op: node.op.name,
    problem: `has no gradient: ${reason}`,
    at: node.path,
    fix: "take the loss from other values, or define the op with a gradient",
  });
}

const derivedGradients = new WeakMap<OpSpec, OpSpec>();

/** The op that runs a pointwise op's `backward` function; one per op, so that equal nodes merge. */
function derivedGradient(op: OpSpec): OpSpec | undefined {
  if (!op.pointwise || op.pointwise === "program" || !op.pointwise.backward) return undefined;
  let derived = derivedGradients.get(op);
  if (!derived) {
    const { wgsl, backward: fn, params } = op.pointwise;
    derived = {
      name: `${op.name}_backward`,
      inputs: ["dy", "saved"],
      outputs: ["dx"],
      shape: ({ dy }) => ({ dx: dy! }),
      // dx = dy · f'(saved) is 0 where dy is 0, and f' is finite at 0 for every op that keeps zeros.
      pointwise: { wgsl, fn, zeroToZero: op.pointwise.zeroToZero ?? false, ...(params && { params }) },
      gradient: { none: "gradients of gradients are not supported" },
    };
    derivedGradients.set(op, derived);
  }
  return derived;
}
