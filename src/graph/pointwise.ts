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
  /**
   * Calls that come first, by name: what depends on the numbers of a channel alone is computed once a thread. `args`
   * are then the arguments of `fn`, and those of the calls before it: operands by position, or earlier calls by name.
   */
  readonly first?: Readonly<Record<string, FirstCall>>;
  readonly args?: readonly (number | string)[];
  /** True if the function maps zeros to zero, so that zero padding stays zero. */
  readonly zeroToZero?: boolean;
}

/** A call that comes before that of a pointwise op; `params` says that it takes the numeric attributes. */
export interface FirstCall {
  readonly fn: string;
  readonly args: readonly (number | string)[];
  readonly params?: boolean;
}

/** The program of a pointwise node, fused or not. Undefined for any other node. */
export function programOf(node: Node): PointwiseProgram | undefined {
  const { pointwise } = node.op;
  if (!pointwise) return undefined;
  if (pointwise === "program") return (node.attrs as { program: PointwiseProgram }).program;
  const operands = Object.keys(node.inputs);
  const first = Object.entries(pointwise.first ?? {});
  const params = pointwise.params?.(node.attrs) ?? [];
  const ref = (arg: number | string): Ref =>
    typeof arg === "number" ? { operand: arg } : { call: first.findIndex(([name]) => name === arg) };
  const call = (
    fn: string,
    args: readonly (number | string)[],
    numbers: readonly number[],
  ): PointwiseCall => ({
    fn,
    wgsl: pointwise.wgsl,
    args: args.map(ref),
    params: numbers,
    zeroToZero: pointwise.zeroToZero ?? false,
  });
  const before = first.map(([, each]) => call(each.fn, each.args, each.params ? params : []));
  const last = call(pointwise.fn, pointwise.args ?? operands.map((_, n) => n), first.length ? [] : params);
  return { operands, calls: [...before, last], results: { [node.op.outputs[0]!]: before.length } };
}
