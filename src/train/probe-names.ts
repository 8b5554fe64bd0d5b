import type { Node } from "../graph/graph.ts";
import type { LayerCall } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import { isValue } from "../nn/module.ts";

/** A value of a capture under the name that a selector and a chart know it by. */
export interface NamedValue {
  readonly path: string;
  readonly kind: string;
  /** True for a layer without inner ones, and for an operator. */
  readonly isLeaf: boolean;
  readonly isLayer: boolean;
  readonly value: Value;
}

/** Outputs of all layer calls; the second call of a shared layer is "path#2", an output by name "path:name". */
export function namedLayers(calls: readonly LayerCall[]): NamedValue[] {
  const names = new Names();
  return calls.flatMap(({ path, kind, outputs }) => {
    const isLeaf = !calls.some((other) =>
      path === "" ? other.path !== "" : other.path.startsWith(`${path}.`),
    );
    const name = names.of(path || kind);
    const values: [string, Value][] = isValue(outputs)
      ? [[name, outputs]]
      : Object.entries(outputs).map(([key, value]) => [`${name}:${key}`, value]);
    return values.map(([own, value]) => ({ path: own, kind, isLeaf, isLayer: true, value }));
  });
}

/** First outputs of forward nodes that no layer returns, by the path of the layer that made them and the op. */
export function namedOps(nodes: readonly Node[], layers: readonly NamedValue[]): NamedValue[] {
  const returned = new Set(layers.filter(({ isLeaf }) => isLeaf).map(({ value }) => value));
  // The convolution in a convolution layer, before its bias, is not another layer.
  const kinds = new Set(layers.map(({ path, kind }) => `${path} ${kind}`));
  const names = new Names();
  return nodes.flatMap((node) => {
    const value = node.outputs[node.op.outputs[0] ?? ""];
    if (node.phase !== "forward" || !value || returned.has(value)) return [];
    if (kinds.has(`${node.path} ${node.op.name}`)) return [];
    const path = names.of(node.path ? `${node.path}/${node.op.name}` : node.op.name);
    return [{ path, kind: node.op.name, isLeaf: true, isLayer: false, value }];
  });
}

/** Gives equal names numbers: "a", "a#2", "a#3". */
class Names {
  readonly #counts = new Map<string, number>();

  of(name: string): string {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  }
}
