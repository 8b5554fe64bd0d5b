import { broadcastShapes, numel, resolveAxis, type Shape } from "../core/shape.ts";
import type { Value } from "../graph/value.ts";
import * as ops from "../ops/index.ts";
import { type Call, type Runner, single } from "./call.ts";
import {
  axesOf,
  type Range,
  resolveReshape,
  sliceRanges,
  splitSizes,
  squeezed,
  unsqueezed,
} from "./shapes.ts";
import { hostTensor } from "./tensors.ts";

/** Operators that move, cut, join and sum elements. */

/** Most pieces that a list of indices is cut into. */
const MAX_PIECES = 64;

/** The elements at the listed places of an axis, as slices one after another. */
function take(call: Call, x: Value, axis: number, places: readonly number[]): Value {
  const runs: { start: number; size: number }[] = [];
  for (const place of places) {
    const last = runs.at(-1);
    if (last && last.start + last.size === place) last.size++;
    else runs.push({ start: place, size: 1 });
  }
  if (runs.length > MAX_PIECES) call.fail("indices", `at most ${MAX_PIECES} pieces`, `${runs.length}`);
  const pieces = runs.map(({ start, size }) =>
    ops.slice(x, { starts: [start], ends: [start + size], axes: [axis] }),
  );
  return ops.concat(pieces, { axis });
}

const slice = single((call) => {
  const x = call.value(0);
  const ranges = sliceRanges(call, x.shape);
  return ranges.reduce((value, range, axis) => sliceAxis(call, value, axis, range), x);
});

function sliceAxis(call: Call, x: Value, axis: number, { start, step, size }: Range): Value {
  if (size === x.shape[axis] && step === 1) return x;
  if (step < 0)
    return take(
      call,
      x,
      axis,
      Array.from({ length: size }, (_, i) => start + i * step),
    );
  const end = start + (size - 1) * step + 1;
  return ops.slice(x, { starts: [start], ends: [end], axes: [axis], steps: [step] });
}

const gather = single((call) => {
  const x = call.value(0);
  const indices = call.host(1);
  const axis = resolveAxis("Gather", call.int("axis", 0), x.shape.length);
  const length = x.shape[axis]!;
  const places = [...indices.data].map((place) => (place < 0 ? place + length : place));
  const outside = places.find((place) => !(Number.isInteger(place) && place >= 0 && place < length));
  if (outside !== undefined) call.fail("index", `below ${length}`, `${outside}`);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  return ops.reshape(take(call, x, axis, places), shape);
});

const concat = single((call) => {
  const values = call.operands.map((_, i) => call.value(i));
  return ops.concat(values, { axis: call.int("axis", call.opset < 4 ? 1 : undefined) });
});

const split: Runner = (call) => {
  const x = call.value(0);
  const axis = resolveAxis("Split", call.int("axis", 0), x.shape.length);
  const sizes = splitSizes(call, x.shape[axis]!);
  if (sizes.reduce((a, b) => a + b, 0) !== x.shape[axis])
    call.fail("split", `sizes that make ${x.shape[axis]}`, `${sizes}`);
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return ops.slice(x, { starts: [start - size], ends: [start], axes: [axis] });
  });
};

/** Reshape; a batch size that the exporter has written down becomes the batch at hand. */
const reshape = single((call) => {
  const x = call.value(0);
  return ops.reshape(x, resolveReshape(call, x.shape));
});

const flatten = single((call) => {
  const x = call.value(0);
  const given = call.int("axis", 1);
  const axis = given < 0 ? given + x.shape.length : given;
  return ops.reshape(x, [numel(x.shape.slice(0, axis)), numel(x.shape.slice(axis))]);
});

const transpose = single((call) => {
  const x = call.value(0);
  return ops.permute(x, call.numbers("perm") ?? x.shape.map((_, i) => x.shape.length - 1 - i));
});

const expand = single((call) => {
  const x = call.value(0);
  const shape = broadcastShapes("Expand", x.shape, call.size([...call.host(1).data]));
  return ops.broadcastTo(x, shape);
});

const tile = single((call) => {
  const repeats = call.hostNumbers(1) ?? [];
  return repeats.reduce((x, count, axis) => {
    if (!(count >= 1 && count <= MAX_PIECES)) call.fail("repeats", `1 to ${MAX_PIECES}`, `${count}`);
    return count === 1 ? x : ops.concat(new Array<Value>(count).fill(x), { axis });
  }, call.value(0));
});

/** Margins, one pair an axis. */
function padsOf(call: Call, rank: number): [number, number][] {
  const pads = call.listed("pads", 1) ?? call.numbers("paddings") ?? call.fail("pads", "a list", "none");
  const axes = axesOf(call, rank, 3) ?? Array.from({ length: rank }, (_, i) => i);
  if (pads.length !== 2 * axes.length) call.fail("pads", `${2 * axes.length} numbers`, `${pads.length}`);
  const pairs = Array.from({ length: rank }, (): [number, number] => [0, 0]);
  axes.forEach((axis, i) => {
    pairs[axis] = [pads[i]!, pads[i + axes.length]!];
  });
  return pairs;
}

const pad = single((call) => {
  const mode = call.text("mode", "constant");
  const whole = call.value(0);
  const pads = padsOf(call, whole.shape.length);
  // A negative margin cuts.
  const x = pads.reduce((value, [before, after], axis) => {
    const range = {
      starts: [Math.max(0, -before)],
      ends: [value.shape[axis]! + Math.min(0, after)],
      axes: [axis],
    };
    return before < 0 || after < 0 ? ops.slice(value, range) : value;
  }, whole);
  const margins = pads.map((pair): [number, number] => [Math.max(0, pair[0]), Math.max(0, pair[1])]);
  call.size(x.shape.map((size, axis) => size + margins[axis]![0] + margins[axis]![1]));
  if (mode === "constant") {
    const value = call.opset < 11 ? call.float("value", 0) : (call.hostNumbers(2)?.[0] ?? 0);
    return ops.pad(x, { pads: margins, value });
  }
  const place = MIRRORS[mode] ?? call.fail("mode", Object.keys(MIRRORS).join(", "), mode);
  return margins.reduce((value, [before, after], axis) => {
    const length = value.shape[axis]!;
    if (before + after === 0) return value;
    if (before >= length || after >= length)
      call.fail("pads", `less than the ${length} elements`, `${before}, ${after}`);
    const places = Array.from({ length: before + length + after }, (_, i) => place(i - before, length));
    return take(call, value, axis, places);
  }, x);
});

/** Place in the array of one beyond its ends. */
const MIRRORS: Readonly<Record<string, (place: number, length: number) => number>> = {
  edge: (place, length) => Math.min(Math.max(place, 0), length - 1),
  reflect: (place, length) => {
    const turned = Math.abs(place);
    return turned < length ? turned : 2 * (length - 1) - turned;
  },
  wrap: (place, length) => (place + length) % length,
};

function reduction(apply: (x: Value, options: ops.ReduceOptions) => Value): Runner {
  return single((call) => {
    const x = call.value(0);
    const listed = axesOf(call, x.shape.length);
    const axes = listed?.length ? listed : undefined;
    if (!axes && call.int("noop_with_empty_axes", 0)) return x;
    const all = x.shape.map((_, axis) => axis);
    return apply(x, { axes: axes ?? all, keepDims: call.int("keepdims", 1) !== 0 });
  });
}

/** log Σ eˣ, taken off the largest so that no power overflows. */
function logSumExp(x: Value, { axes, keepDims }: ops.ReduceOptions): Value {
  const largest = ops.max(x, { axes: axes!, keepDims: true });
  const total = ops.log(ops.sum(ops.exp(ops.sub(x, largest)), { axes: axes!, keepDims: true }));
  const result = ops.add(total, largest);
  return keepDims ? result : ops.sum(result, { axes: axes! });
}

const square = (x: Value): Value => ops.mul(x, x);

/** Channels [C·b²] to b×b pixels: DCR reads the channel as (b, b, C), CRD as (C, b, b). */
const depthToSpace = single((call) => {
  const x = call.value(0);
  const b = call.int("blocksize");
  const [n, c, h, w] = x.shape as unknown as [number, number, number, number];
  const inner = c / (b * b);
  if (call.text("mode", "DCR") === "DCR") {
    const parts = ops.permute(ops.reshape(x, [n, b, b, inner, h, w]), [0, 3, 4, 1, 5, 2]);
    return ops.reshape(parts, [n, inner, h * b, w * b]);
  }
  const parts = ops.permute(ops.reshape(x, [n, inner, b, b, h, w]), [0, 1, 4, 2, 5, 3]);
  return ops.reshape(parts, [n, inner, h * b, w * b]);
});

const spaceToDepth = single((call) => {
  const x = call.value(0);
  const b = call.int("blocksize");
  const [n, c, h, w] = x.shape as unknown as [number, number, number, number];
  const parts = ops.permute(ops.reshape(x, [n, c, h / b, b, w / b, b]), [0, 3, 5, 1, 2, 4]);
  return ops.reshape(parts, [n, c * b * b, h / b, w / b]);
});

/** Shape and Size ask for no element. */
export const SHAPE_OF: Readonly<Record<string, Runner>> = {
  Shape: single((call) => {
    const { shape } = call.operand(0);
    const part = shape.slice(call.int("start", 0), call.int("end", shape.length));
    return hostTensor([part.length], part, true);
  }),
  Size: single((call) => hostTensor([], [numel(call.operand(0).shape)], true)),
};

/** Product of matrices; a vector counts as a row on the left and a column on the right. */
const matmul = single((call) => {
  const [a, b] = [call.value(0), call.value(1)];
  const left = a.shape.length === 1 ? ops.reshape(a, [1, a.shape[0]!]) : a;
  const right = b.shape.length === 1 ? ops.reshape(b, [b.shape[0]!, 1]) : b;
  const y = ops.matmul(left, right);
  const dropped: Shape = y.shape.filter(
    (_, axis) =>
      !(a.shape.length === 1 && axis === y.shape.length - 2) &&
      !(b.shape.length === 1 && axis === y.shape.length - 1),
  );
  return ops.reshape(y, dropped);
});

/** α·op(A)·op(B) + β·C; the common case is a linear layer. */
const gemm = single((call) => {
  const [a, b] = [call.value(0), call.value(1)];
  const [alpha, beta] = [call.float("alpha", 1), call.float("beta", 1)];
  const [transposeA, transposeB] = [call.int("transA", 0) !== 0, call.int("transB", 0) !== 0];
  const c = call.optional(2);
  const isLayer = alpha === 1 && !transposeA && transposeB && b.source.kind === "state";
  if (isLayer && (!c || (beta === 1 && c.shape.length === 1 && c.shape[0] === b.shape[0])))
    return ops.linear(a, b, c);
  const product = ops.matmul(a, b, { transposeA, transposeB });
  const scaled = alpha === 1 ? product : ops.mul(product, alpha);
  return c ? ops.add(scaled, beta === 1 ? c : ops.mul(c, beta)) : scaled;
});

export const SHAPES: Readonly<Record<string, Runner>> = {
  Slice: slice,
  Gather: gather,
  Concat: concat,
  Split: split,
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  Squeeze: single((call) => ops.reshape(call.value(0), squeezed(call, call.value(0).shape))),
  Unsqueeze: single((call) => ops.reshape(call.value(0), unsqueezed(call, call.value(0).shape))),
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  ReduceSum: reduction(ops.sum),
  ReduceMean: reduction(ops.mean),
  ReduceMax: reduction(ops.max),
  ReduceMin: reduction((x, options) => ops.neg(ops.max(ops.neg(x), options))),
  ReduceL1: reduction((x, options) => ops.sum(ops.abs(x), options)),
  ReduceL2: reduction((x, options) => ops.sqrt(ops.sum(square(x), options))),
  ReduceSumSquare: reduction((x, options) => ops.sum(square(x), options)),
  ReduceLogSum: reduction((x, options) => ops.log(ops.sum(x, options))),
  ReduceLogSumExp: reduction(logSumExp),
  MatMul: matmul,
  Gemm: gemm,
};
