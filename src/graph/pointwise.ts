import type { Node } from "./graph.ts";

/** An argument of a pointwise call: an operand of the program or the result of an earlier call. */
export type Ref = { readonly operand: number } | { readonly call: number };

/** One call of a scalar WGSL function. */
export interface PointwiseCall {
  readonly fn: string;
  /** WGSL text that declares `fn` (over the alias Elem) and nothing that a second copy would clash with. */
  readonly wgsl: string;
  readonly args: readonly Ref[];
  /** Attributes, written as literals after the arguments. */
  readonly params: readonly number[];
  /** True if the function maps zeros to zero. */
  readonly zeroToZero: boolean;
}

/** A chain of pointwise calls in one dispatch; operands are read once each. */
export interface PointwiseProgram {
  /** Names of the node's inputs, by operand index. */
  readonly operands: readonly string[];
  readonly calls: readonly PointwiseCall[];
  /** For each output name the call whose result it is. */
  readonly results: Readonly<Record<string, number>>;
}

/** A program run on another kernel's result as it is stored; operand 0 is that result. */
export interface Epilogue {
  readonly program: PointwiseProgram;
}

/** Declaration of a pointwise op: the scalar function and, for one input, its derivative. */
export interface PointwiseSpec {
  /** WGSL functions over `alias Elem` (f32 or vec4<f32>). */
  readonly wgsl: string;
  readonly fn: string;
  /** `fn` of the derivative: (dy, saved, ...params) -> dx. For ops with one input only. */
  readonly backward?: string;
  /** What the derivative reads; default "x". */
  readonly saves?: "x" | "y";
  /** Numeric attributes in the order of the function's trailing parameters. */
  params?(attrs: object): readonly number[];
  /** True if the function maps zeros to zero, so that zero padding stays zero. */
  readonly zeroToZero?: boolean;
}

/** The program of a pointwise node, fused or not. Undefined for any other node. */
export function programOf(node: Node): PointwiseProgram | undefined {
  const { pointwise } = node.op;
  if (!pointwise) return undefined;
  if (pointwise === "program") return (node.attrs as { program: PointwiseProgram }).program;
  const operands = Object.keys(node.inputs);
  return {
    operands,
    calls: [
      {
        fn: pointwise.fn,
        wgsl: pointwise.wgsl,
        args: operands.map((_, operand) => ({ operand })),
        params: pointwise.params?.(node.attrs) ?? [],
        zeroToZero: pointwise.zeroToZero ?? false,
      },
    ],
    results: { [node.op.outputs[0]!]: 0 },
  };
}
