import type { DType, HostArray } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";
import type { Node } from "./graph.ts";

/** Draws the initial elements of a state in logical row-major order; `key` is the stream of this state. */
export type Initialiser = (shape: Shape, key: number) => HostArray;

/**
 * Memory that outlives a step: a parameter, a running statistic, an optimizer's moment. Changed only by ops that list
 * it under `writes`, and by exactly one of them in a graph.
 */
export interface State {
  /** Full path with PyTorch's last word: "features.0.weight", "features.1.running_mean". */
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly role: "parameter" | "buffer";
  readonly init: Initialiser;
}

/**
 * Flat buffers: all parameters, all gradients, each optimizer moment, the parameter group of every block of 256
 * parameters, the ring of recorded scalars.
 */
export type FlatBuffer = "params" | "grads" | "blocks" | "records" | `optimizer.${string}`;

/** Where a value comes from. */
export type Source =
  | { readonly kind: "node"; readonly node: Node; readonly output: string }
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "state"; readonly state: State }
  | { readonly kind: "constant"; readonly data: number | HostArray }
  | { readonly kind: "flat"; readonly buffer: FlatBuffer };

/** A symbolic tensor: a shape, a dtype and where it comes from. It never holds numbers. */
export interface Value {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly source: Source;
}

let nextId = 0;

/** Makes a value; ids are only names, equal graphs print the same whatever their ids. */
export function makeValue(shape: Shape, dtype: DType, source: Source): Value {
  return { id: nextId++, shape, dtype, source };
}

/** The node that computes a value, if a node does. */
export function producer(value: Value): Node | undefined {
  return value.source.kind === "node" ? value.source.node : undefined;
}

/** The single number of a scalar constant. */
export function scalarConstant(value: Value): number | undefined {
  return value.source.kind === "constant" && typeof value.source.data === "number"
    ? value.source.data
    : undefined;
}
