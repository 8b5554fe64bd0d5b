import type { StoredTensor } from "../files/tensor.ts";

/** Value of an attribute; a graph inside a node (of If, Loop, Scan) is not read. */
export type Attribute =
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "tensor"; readonly value: StoredTensor }
  | { readonly kind: "floats" | "ints"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "other" };

/** One operation. An input that is left out has an empty name. */
export interface OnnxNode {
  readonly name: string;
  readonly type: string;
  /** "" is ai.onnx. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** A size, the name of one that is free, or null where nothing is said. */
export type Dimension = number | string | null;

/** An input or output of the graph. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: "F32" | "I64" | "other";
  /** Null where even the rank is open. */
  readonly shape: readonly Dimension[] | null;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxModel {
  readonly irVersion: number;
  /** Version of the operators by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly producer: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: OnnxGraph;
}

/** Numbers of element types in TensorProto. */
export const ELEMENT_TYPES = {
  F32: 1,
  U8: 2,
  I32: 6,
  I64: 7,
  BOOL: 9,
  F16: 10,
  F64: 11,
  BF16: 16,
} as const;
