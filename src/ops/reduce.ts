import reduceWgsl from "../../shaders/reduce.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import type { Physical } from "../core/layout.ts";
import { ceilDiv, numel, resolveAxis, type Shape } from "../core/shape.ts";
import type { ChoiceContext, Launch, Lowering } from "../graph/define.ts";
import { type Axis, axesOf, fourAxes, sizeConsts, strideConsts } from "./axes.ts";

/** Options of the reductions. */
export interface ReduceOptions {
  /** Axes to reduce, negative ones counted from the end; all where absent. */
  readonly axes?: readonly number[];
  /** Keep the reduced axes with size 1; default false. */
  readonly keepDims?: boolean;
}

/** Attributes of a reduction node: resolved, sorted axes. */
export interface ReduceAttrs {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** Attributes of the first pass of a long reduction, whose result is [parts, ...kept axes]. */
export interface PartAttrs {
  readonly axes: readonly number[];
  readonly parts: number;
}

/** Checks axes and brings them into one form. Errors  ShapeError for an axis out of range */
export function reduceAttrs(op: string, shape: Shape, options: ReduceOptions): ReduceAttrs {
  const axes = options.axes ?? shape.map((_, axis) => axis);
  const resolved = new Set(axes.map((axis) => resolveAxis(op, axis, shape.length)));
  return { axes: [...resolved].sort((a, b) => a - b), keepDims: options.keepDims ?? false };
}

export function reducedShape(shape: Shape, { axes, keepDims }: ReduceAttrs): number[] {
  return shape.flatMap((size, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [size]));
}

/** The shape with reduced axes kept as 1, for broadcasting a reduction back. */
export function keptShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
}

/** Elements for each result from which on a reduction is done in parts: more threads, less rounding. */
const LONG = 512;

/** True where each result takes so many elements that partial results come first. */
export function isLong({ shape }: ChoiceContext<"x" | "y">): boolean {
  return numel(shape.x) >= LONG * numel(shape.y);
}

/** Attributes of the first pass over x: about √n parts of √n elements each. */
export function partAttrs(shape: Shape, axes: readonly number[]): PartAttrs {
  const count = axes.reduce((product, axis) => product * shape[axis]!, 1);
  return { axes, parts: Math.ceil(Math.sqrt(count)) };
}

export function partShape(shape: Shape, { axes, parts }: PartAttrs): number[] {
  return [parts, ...reducedShape(shape, { axes, keepDims: false })];
}

/** The one-dispatch lowering of a reduction with these hooks (default: a sum). */
export function reduceLowering(
  hook?: Readonly<Record<"combine" | "start", string>>,
): Lowering<"x", "y", ReduceAttrs | PartAttrs> {
  return {
    name: "reduce",
    wgsl: reduceWgsl,
    layouts: { x: "any" },
    hooks: ["epilogue"],
    launch: ({ physical, shape, attrs }): Launch => {
      const { kept, reduced } = splitAxes(physical.x, attrs.axes);
      const parts = "parts" in attrs ? attrs.parts : 1;
      return {
        grid: linearGrid(ceilDiv(numel(shape.y), 64)),
        const: {
          COUNT: numel(shape.y) / parts,
          PARTS: parts,
          ...sizeConsts("KEPT", kept),
          ...strideConsts("KEPT", kept),
          REDUCED_SIZE_0: reduced[0]!.size,
          ...sizeConsts("REDUCED", reduced),
          ...strideConsts("REDUCED", reduced),
        },
        ...(hook && { hook }),
      };
    },
  };
}

/**
 * x's axes as four each, outermost first: kept ones in logical order, the order of y; reduced ones with the longest
 * innermost.
 */
function splitAxes(x: Physical, axes: readonly number[]): { kept: Axis[]; reduced: Axis[] } {
  const others = x.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const reduced = axesOf([x], axes);
  const longest = reduced.reduce((best, axis, at) => (axis.size >= reduced[best]!.size ? at : best), 0);
  return {
    kept: fourAxes(axesOf([x], others)),
    reduced: fourAxes([...reduced.filter((_, at) => at !== longest), ...reduced.slice(longest, longest + 1)]),
  };
}
