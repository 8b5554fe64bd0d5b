import type { DType } from "../core/dtype.ts";
import { EngineError, ShapeError } from "../core/errors.ts";
import type { Layout, Physical } from "../core/layout.ts";
import type { Shape } from "../core/shape.ts";
import { makeNode } from "./graph.ts";
import type { PointwiseSpec } from "./pointwise.ts";
import { currentPath, currentTrace } from "./trace.ts";
import type { Value } from "./value.ts";

/** What the adapter offers, as plain data, so that plans can be made and tested without one. */
export interface Target {
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupsPerDimension: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
  /** Smallest and largest subgroup, 0 where the adapter has none. */
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  readonly features: readonly string[];
}

type Named<K extends string, T> = { readonly [P in K]: T };

/** What a lowering is chosen by: logical shapes, attributes and the adapter, never layouts. */
export interface ChoiceContext<K extends string = string, A = object> {
  readonly shape: Named<K, Shape>;
  readonly attrs: A;
  readonly target: Target;
}

/** What a launch is computed from: the above, and where each value lies in memory. */
export interface LaunchContext<K extends string = string, A = object> extends ChoiceContext<K, A> {
  readonly physical: Named<K, Physical>;
  /** True if the padding lanes of a value are known to hold 0. */
  readonly padZero: Named<K, boolean>;
}

/** Specialisation and size of one dispatch. */
export interface Launch {
  /** Workgroups in x, y, z. */
  readonly grid: readonly [number, number?, number?];
  /** `const NAME: … = …;` lines of the file to replace. */
  readonly const?: Readonly<Record<string, number | boolean>>;
  /** `alias Name = …;` lines to replace. */
  readonly alias?: Readonly<Record<string, string>>;
  /** One-line function bodies to replace. */
  readonly hook?: Readonly<Record<string, string>>;
  /** Declarations appended at the end of the file. */
  readonly append?: readonly string[];
}

/** Layout a kernel wants a value in; "any" takes it as it is, an output "like" takes that of the named input. */
export type LayoutRequest = Layout | "any" | `like ${string}`;

/** What kernels and parts have in common: when they can be taken, and when they are worth it. */
interface LoweringTerms<K extends string, A> {
  readonly name: string;
  /** False where the lowering would give wrong results or not compile. Default: always true. */
  when?(context: ChoiceContext<K, A>): boolean;
  /** False where it works but is not worth trying: neither default nor measured, only taken by name. Default true. */
  suits?(context: ChoiceContext<K, A>): boolean;
  /** True if it compiles in little time: the first steps run on it while others are being measured. */
  readonly quick?: boolean;
  /** "fast" trades digits for speed (Winograd: 3e-5 of the sum of magnitudes instead of 2e-6). Default "exact". */
  readonly precision?: "exact" | "fast";
}

/** A function of a WGSL file that a pointwise program is fused into. */
export interface FusionHook<I extends string = string> {
  readonly name: string;
  readonly args: readonly I[];
}

/** Pooling windows that stand apart inside the image, over which a gradient is spread. */
export interface Windows {
  readonly kind: "maximum" | "average";
  readonly kernelH: number;
  readonly kernelW: number;
  readonly strideH: number;
  readonly strideW: number;
}

/** One dispatch of one WGSL file. Variables of group 0 are bound to the op's inputs and outputs of the same name. */
export interface Kernel<I extends string = string, O extends string = string, A = object>
  extends LoweringTerms<I | O, A> {
  readonly wgsl: string;
  /** Layout of each input and output; row-major where absent. */
  readonly layouts?: Readonly<Partial<Record<I | O, LayoutRequest>>>;
  /** Fusion hooks the file declares. `epilogue(v, i, c)` sees each element of the first output as it is stored. */
  readonly hooks?: readonly "epilogue"[];
  /**
   * Inputs that a pointwise program may make as they are read, each by a hook `name(...args, i, k)`: `args` are elements
   * i of inputs, the last of them laid out as the result; k is what `channel(c)` keeps of a channel.
   */
  readonly prologues?: Readonly<Partial<Record<I, FusionHook<I>>>>;
  /** Inputs of which the file reads element c as the number of channel c. */
  readonly channels?: readonly I[];
  /** Names under which the hooks after a prologue (the epilogue among them) get what it made, behind their args. */
  readonly makes?: Readonly<Partial<Record<I, string>>>;
  /** The epilogue is `epilogue(v, ...keeps, i, k)`: it gets elements i of these inputs, and k. Only with `hooks`. */
  readonly keeps?: readonly I[];
  /** Outputs whose padding lanes this kernel stores as 0. */
  readonly padZero?: readonly O[];
  launch(context: LaunchContext<I | O, A>): Launch;
}

/** Several ops in place of one (Winograd, split-K, batch norm as moments and normalise). Applied after autodiff. */
export interface Parts<I extends string = string, O extends string = string, A = object>
  extends LoweringTerms<I | O, A> {
  parts(inputs: Named<I, Value>, attrs: A): Named<O, Value>;
}

export type Lowering<I extends string = string, O extends string = string, A = object> =
  | Kernel<I, O, A>
  | Parts<I, O, A>;

/** What a gradient function gets. */
export interface GradientContext<I extends string = string, O extends string = string, A = object> {
  readonly in: Named<I, Value>;
  readonly out: Named<O, Value>;
  /** Gradient of the loss with respect to the first output. */
  readonly dy: Value;
  /** Gradients of all outputs; undefined where the loss does not depend on one. */
  readonly dOut: { readonly [P in O]?: Value | undefined };
  readonly attrs: A;
  /** Inputs whose gradient somebody needs; leave out the others. */
  readonly needs: Named<I, boolean>;
}

type Gradients<I extends string> = { readonly [P in I]?: Value | false | undefined };

/** FLOPs of one node, multiply and add counted apart. */
export interface Cost {
  readonly flops: number;
}

/**
 * The one-place contract of an op: names, shapes, body, gradient. Exactly one body: `lowerings` (kernels or parts, the
 * first whose `when` and `suits` hold; the last has neither), `pointwise` (a scalar function), or `view` (same elements, new shape).
 */
export interface OpDefinition<I extends string, O extends string, A extends object> {
  readonly name: string;
  readonly inputs: readonly I[];
  readonly outputs: readonly O[];
  /** True if the inputs are a list v0, v1, … of any length; `inputs` then names none. */
  readonly variadic?: boolean;
  /** Output shapes; throws ShapeError for inputs that do not fit. */
  shape(inputs: Named<I, Shape>, attrs: A): Named<O, Shape>;
  /** Output dtypes, or the input each is of one dtype with; f32 where absent. */
  readonly dtypes?: Readonly<Partial<Record<O, DType | `like ${I}`>>>;
  readonly lowerings?: readonly Lowering<I, O, A>[];
  readonly pointwise?: PointwiseSpec | "program";
  readonly view?: boolean;
  /** Gradients of pooling: the windows over which `dy` is spread; undefined where they overlap or leave the image. */
  spreads?(shape: Named<I | O, Shape>, attrs: A): Windows | undefined;
  /** The op that does the same with `dy` spread over windows, its attributes being those windows. */
  readonly overWindows?: OpSpec;
  /** Inputs (states) that the kernel changes in place. A node that writes is never removed. */
  readonly writes?: readonly I[];
  /** Gradients by input, or why there are none. Absent only for pointwise ops with a `backward` function. */
  readonly gradient?: ((context: GradientContext<I, O, A>) => Gradients<I>) | { readonly none: string };
  cost?(context: { readonly shape: Named<I | O, Shape>; readonly attrs: A }): Cost;
}

/** An op with its types erased, as nodes hold it. Methods are bivariant, which is what makes the erasure sound to write. */
export interface OpSpec {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly variadic?: boolean;
  shape(inputs: Named<string, Shape>, attrs: object): Named<string, Shape>;
  readonly dtypes?: Readonly<Partial<Record<string, DType | `like ${string}`>>>;
  readonly lowerings?: readonly Lowering[];
  readonly pointwise?: PointwiseSpec | "program";
  readonly view?: boolean;
  spreads?(shape: Named<string, Shape>, attrs: object): Windows | undefined;
  readonly overWindows?: OpSpec;
  readonly writes?: readonly string[];
  readonly gradient?: ErasedGradient;
  cost?(context: { readonly shape: Named<string, Shape>; readonly attrs: object }): Cost;
}

type ErasedGradient =
  | { bivariant(context: GradientContext): Gradients<string> }["bivariant"]
  | { readonly none: string };

/** A defined op: call it with named values to append a node to the trace. */
export interface Op<I extends string, O extends string, A extends object> {
  (inputs: Named<I, Value>, attrs: A): Named<O, Value>;
  readonly spec: OpSpec;
}

/**
 * Defines an op from its one-place contract.
 * Errors  ShapeError from `shape` at the call, with the layer path filled in
 */
export function defineOp<const I extends string, const O extends string, A extends object = object>(
  definition: OpDefinition<I, O, A>,
): Op<I, O, A> {
  const spec = definition as unknown as OpSpec;
  const call = (inputs: Named<I, Value>, attrs: A) => apply(spec, inputs, attrs) as Named<O, Value>;
  return Object.assign(call, { spec });
}

/** Appends one node of `spec` to the trace. */
export function apply(spec: OpSpec, inputs: Named<string, Value>, attrs: object): Named<string, Value> {
  const trace = currentTrace(spec.name);
  const path = currentPath();
  try {
    if (spec.pointwise) checkFloats(spec, inputs);
    const shapes = spec.shape(
      Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, value.shape])),
      attrs,
    );
    const types = Object.fromEntries(
      spec.outputs.map((name) => [name, { shape: shapes[name]!, dtype: outputType(spec, name, inputs) }]),
    );
    const node = makeNode({ op: spec, inputs, attrs, types, path, phase: trace.phase });
    trace.nodes.push(node);
    return node.outputs;
  } catch (error) {
    throw error instanceof EngineError ? error.located(path) : error;
  }
}

function outputType(spec: OpSpec, output: string, inputs: Named<string, Value>): DType {
  const declared = spec.dtypes?.[output] ?? "f32";
  if (declared === "f32" || declared === "i32" || declared === "u32") return declared;
  return inputs[declared.slice("like ".length)]!.dtype;
}

/** Refuses integers where the kernel reads floats: their bits would be taken for numbers near 0. */
export function checkFloats({ name: op }: Pick<OpSpec, "name">, inputs: Named<string, Value>): void {
  for (const [name, { dtype }] of Object.entries(inputs)) {
    if (dtype === "f32") continue;
    throw new ShapeError({
      op,
      problem: `dtype of ${name}`,
      expected: "f32",
      got: dtype,
      fix: "pass floats; integers serve as class indices and positions only",
    });
  }
}
