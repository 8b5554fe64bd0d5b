import reduceWgsl from "../../shaders/reduce.wgsl?raw";
import type { Physical } from "../core/layout.ts";
import { ceilDiv, numel, resolveAxis, type Shape } from "../core/shape.ts";
import type { Launch, Lowering } from "../graph/define.ts";

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

interface Axis {
  readonly size: number;
  readonly stride: number;
}

/** The lowering of a reduction; `scale` multiplies the result. */
export function reduceLowering(
  combine: string,
  initial: number,
  scale: (count: number) => number,
): Lowering<"x", "y", ReduceAttrs> {
  return {
    name: "reduce",
    wgsl: reduceWgsl,
    layouts: { x: "any" },
    launch: ({ physical, shape, attrs }): Launch => {
      const { kept, reduced } = splitAxes(physical.x, attrs.axes);
      const count = numel(shape.y);
      const groups = ceilDiv(count, 64);
      return {
        grid: [Math.min(groups, 65535), ceilDiv(groups, 65535)],
        const: {
          COUNT: count,
          INITIAL: initial,
          SCALE: scale(numel(shape.x) / Math.max(1, count)),
          ...axisConsts("KEPT", kept),
          ...axisConsts("REDUCED", reduced),
          ...(reduced[0] && { REDUCED_SIZE_0: reduced[0].size }),
        },
        hook: { combine: `return ${combine};` },
      };
    },
  };
}

/** x's axes, kept and reduced, each outermost first with neighbours merged where memory allows, filled up to four. */
function splitAxes(x: Physical, axes: readonly number[]): { kept: Axis[]; reduced: Axis[] } {
  const all = x.shape.map((size, axis) => ({ size, stride: x.strides[axis]!, reduced: axes.includes(axis) }));
  const four = (list: Axis[]) => {
    const merged: Axis[] = [];
    for (const axis of list.filter(({ size }) => size > 1)) {
      const last = merged.at(-1);
      if (last && last.stride === axis.stride * axis.size) merged[merged.length - 1] = { size: last.size * axis.size, stride: axis.stride };
      else merged.push(axis);
    }
    while (merged.length < 4) merged.unshift({ size: 1, stride: 0 });
    return merged;
  };
  return { kept: four(all.filter((axis) => !axis.reduced)), reduced: four(all.filter((axis) => axis.reduced)) };
}

function axisConsts(prefix: string, axes: readonly Axis[]): Record<string, number> {
  const entries = axes.flatMap(({ size, stride }, i): [string, number][] => [
    ...(i > 0 ? [[`${prefix}_SIZE_${i}`, size] as [string, number]] : []),
    [`${prefix}_STRIDE_${i}`, stride],
  ]);
  return Object.fromEntries(entries);
}
