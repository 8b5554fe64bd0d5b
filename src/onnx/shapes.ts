import { ceilDiv, numel, resolveAxis, type Shape } from "../core/shape.ts";
import type { Call } from "./call.ts";

/**
 * Target of a Reshape: 0 takes the input's size (unless allowzero), −1 the rest. A first size that is the batch size the
 * exporter has written down is the batch at hand.
 */
export function resolveReshape(call: Call, shape: Shape): number[] {
  const given = call.hostNumbers(1) ?? [];
  const { batch } = call;
  if (batch && given[0] === batch.written && shape[0] === batch.actual) given[0] = batch.actual;
  if (call.int("allowzero", 0) === 0) {
    given.forEach((size, axis) => {
      if (size === 0)
        given[axis] = shape[axis] ?? call.fail("shape", `0 within the ${shape.length} axes`, `axis ${axis}`);
    });
  }
  const open = given.indexOf(-1);
  if (open >= 0) {
    const known = numel(given.filter((size) => size !== -1));
    given[open] = numel(shape) / known;
  }
  const fits = given.every((size) => Number.isInteger(size) && size >= 0) && numel(given) === numel(shape);
  return fits ? given : call.fail("shape", `${numel(shape)} elements`, `[${call.hostNumbers(1)}]`);
}

/** Axes of a list that is an attribute in old versions and an input in new ones, resolved. */
export function axesOf(call: Call, rank: number, index = 1): number[] | undefined {
  return call.listed("axes", index)?.map((axis) => resolveAxis(call.node.type, axis, rank));
}

export function squeezed(call: Call, shape: Shape): number[] {
  const axes = axesOf(call, shape.length) ?? shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
  const wide = axes.find((axis) => shape[axis] !== 1);
  if (wide !== undefined) call.fail(`size of axis ${wide}`, "1", `${shape[wide]}`);
  return shape.filter((_, axis) => !axes.includes(axis));
}

export function unsqueezed(call: Call, shape: Shape): number[] {
  const listed = call.listed("axes", 1) ?? call.fail("axes", "a list", "none");
  const rank = shape.length + listed.length;
  const axes = listed.map((axis) => resolveAxis("Unsqueeze", axis, rank));
  const sizes = [...shape];
  return Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : sizes.shift()!));
}

/** First element, distance and number of elements along one axis; the distance may be negative. */
export interface Range {
  readonly start: number;
  readonly step: number;
  readonly size: number;
}

export function sliceRanges(call: Call, shape: Shape): Range[] {
  const starts = call.listed("starts", 1) ?? call.fail("starts", "a list", "none");
  const ends = call.listed("ends", 2) ?? call.fail("ends", "a list", "none");
  const axes = axesOf(call, shape.length, 3) ?? starts.map((_, i) => i);
  const steps = call.hostNumbers(4) ?? starts.map(() => 1);
  const ranges = shape.map((size): Range => ({ start: 0, step: 1, size }));
  axes.forEach((axis, i) => {
    const [length, step] = [shape[axis]!, steps[i]!];
    if (!Number.isInteger(step) || step === 0) call.fail("steps", "integers other than 0", `${step}`);
    // Running backwards the end may lie before the first element.
    const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
    const clamp = (place: number) => Math.min(Math.max(place < 0 ? place + length : place, low), high);
    const [start, end] = [clamp(starts[i]!), clamp(ends[i]!)];
    const size = Math.max(0, step > 0 ? ceilDiv(end - start, step) : ceilDiv(start - end, -step));
    ranges[axis] = { start, step, size };
  });
  return ranges;
}

/** Sizes of the parts of a Split. */
export function splitSizes(call: Call, length: number): number[] {
  const listed = call.listed("split", 1);
  if (listed) return [...listed];
  const parts = call.int("num_outputs", call.node.outputs.length);
  const each = ceilDiv(length, parts);
  return Array.from({ length: parts }, (_, i) => Math.min(each, length - i * each));
}
