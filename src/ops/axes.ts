import type { Physical } from "../core/layout.ts";

/** An axis of a kernel's index space, with its step in the memory of each array that the kernel walks. */
export interface Axis {
  readonly size: number;
  readonly strides: readonly number[];
}

/** Logical axes of one or more arrays of one shape; neighbours that are one run in all of them are merged. */
export function axesOf(places: readonly Physical[], axes: readonly number[]): Axis[] {
  const { shape } = places[0]!;
  return mergeAxes(
    axes.map((axis) => ({ size: shape[axis]!, strides: places.map((p) => p.strides[axis]!) })),
  );
}

/** Neighbouring axes that are one run of equal steps in memory become one; axes of size 1 vanish. */
export function mergeAxes(axes: readonly Axis[]): Axis[] {
  const merged: Axis[] = [];
  for (const axis of axes) {
    const last = merged.at(-1);
    if (axis.size === 1) continue;
    if (last?.strides.every((stride, i) => stride === axis.strides[i]! * axis.size)) {
      merged[merged.length - 1] = { size: last.size * axis.size, strides: axis.strides };
    } else merged.push(axis);
  }
  return merged;
}

/** Fills up to four axes with leading ones of size 1. */
export function fourAxes(axes: readonly Axis[]): Axis[] {
  const missing = Math.max(0, 4 - axes.length);
  const strides = axes[0]?.strides.map(() => 0) ?? [0, 0];
  return [...new Array<Axis>(missing).fill({ size: 1, strides }), ...axes];
}

/** `PREFIX_SIZE_1` … `_3` of four axes; the outermost size is what is left. */
export function sizeConsts(prefix: string, axes: readonly Axis[]): Record<string, number> {
  return Object.fromEntries(axes.slice(1).map(({ size }, i) => [`${prefix}_SIZE_${i + 1}`, size]));
}

/** `PREFIX_STRIDE_0` … `_3` of four axes in the array number `which`. */
export function strideConsts(prefix: string, axes: readonly Axis[], which = 0): Record<string, number> {
  return Object.fromEntries(axes.map(({ strides }, i) => [`${prefix}_STRIDE_${i}`, strides[which]!]));
}
