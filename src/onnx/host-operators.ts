import { broadcastShapes, numel, resolveAxis, rowMajorStrides, type Shape } from "../core/shape.ts";
import { type Call, type Runner, single } from "./call.ts";
import { resolveReshape, sliceRanges, squeezed, unsqueezed } from "./shapes.ts";
import { type HostTensor, hostRoom, hostTensor } from "./tensors.ts";

/** Operators on arrays that are known while the graph is built. They compute shapes, mostly. */

/** Elements of a result by their index along every axis. */
function built(
  call: Call,
  shape: Shape,
  integer: boolean,
  element: (index: readonly number[]) => number,
): HostTensor {
  const data = hostRoom(shape, `importOnnx: ${call.node.type}`);
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = element(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return { shape, data, integer };
}

function at({ shape, data }: HostTensor, index: readonly number[]): number {
  const strides = rowMajorStrides(shape);
  const offset = index.length - shape.length;
  let place = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    place += shape[axis] === 1 ? 0 : strides[axis]! * index[axis + offset]!;
  }
  return data[place]!;
}

function elementwise(compute: (...values: number[]) => number, integer?: boolean): Runner {
  return single((call) => {
    const operands = call.operands.map((_, i) => call.host(i));
    const shape = broadcastShapes(call.node.type, ...operands.map((one) => one.shape));
    const whole = integer ?? operands.every((one) => one.integer);
    return built(call, shape, whole, (index) => compute(...operands.map((one) => at(one, index))));
  });
}

const division: Runner = single((call) => {
  const whole = call.host(0).integer && call.host(1).integer;
  const [result] = elementwise((a, b) => (whole ? Math.trunc(a / b) : a / b))(call);
  return result!;
});

const modulo = elementwise((a, b) => {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
});

const gather: Runner = single((call) => {
  const [x, indices] = [call.host(0), call.host(1)];
  const axis = resolveAxis("Gather", call.int("axis", 0), x.shape.length);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const rank = indices.shape.length;
  return built(call, shape, x.integer, (index) => {
    const chosen = at(indices, index.slice(axis, axis + rank));
    const place = chosen < 0 ? chosen + x.shape[axis]! : chosen;
    if (!(place >= 0 && place < x.shape[axis]!)) call.fail("index", `below ${x.shape[axis]}`, `${chosen}`);
    return at(x, [...index.slice(0, axis), place, ...index.slice(axis + rank)]);
  });
});

const concat: Runner = single((call) => {
  const parts = call.operands.map((_, i) => call.host(i));
  const [first] = parts;
  const axis = resolveAxis("Concat", call.int("axis"), first!.shape.length);
  const length = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
  const shape = first!.shape.map((size, i) => (i === axis ? length : size));
  return built(
    call,
    shape,
    parts.every((part) => part.integer),
    (index) => {
      let place = index[axis]!;
      const part = parts.find((one) => {
        if (place < one.shape[axis]!) return true;
        place -= one.shape[axis]!;
        return false;
      });
      return at(
        part!,
        index.map((i, a) => (a === axis ? place : i)),
      );
    },
  );
});

const slice: Runner = single((call) => {
  const x = call.host(0);
  const ranges = sliceRanges(call, x.shape);
  const shape = ranges.map(({ size }) => size);
  return built(call, shape, x.integer, (index) =>
    at(
      x,
      index.map((i, axis) => ranges[axis]!.start + i * ranges[axis]!.step),
    ),
  );
});

const transpose: Runner = single((call) => {
  const x = call.host(0);
  const perm = call.numbers("perm") ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  const shape = perm.map((axis) => x.shape[axis]!);
  return built(call, shape, x.integer, (index) =>
    at(
      x,
      x.shape.map((_, axis) => index[perm.indexOf(axis)]!),
    ),
  );
});

function reshaped(target: (call: Call, shape: Shape) => readonly number[]): Runner {
  return single((call) => {
    const x = call.host(0);
    const shape = target(call, x.shape);
    if (numel(shape) !== x.data.length) call.fail("shape", `${x.data.length} elements`, `${shape}`);
    return { ...x, shape };
  });
}

/** Number of ONNX element types that are integers or truth values. */
const INTEGER_TYPES = [2, 3, 4, 5, 6, 7, 9, 12, 13];

const cast: Runner = single((call) => {
  const x = call.host(0);
  const to = call.int("to");
  const integer = INTEGER_TYPES.includes(to);
  const convert = to === 9 ? (v: number) => (v ? 1 : 0) : integer ? Math.trunc : (v: number) => v;
  return hostTensor(x.shape, x.data.map(convert), integer);
});

const constantOfShape: Runner = single((call) => {
  const shape = [...call.host(0).data];
  if (shape.some((size) => !(size >= 0))) call.fail("shape", "sizes of at least 0", `${shape}`);
  const value = call.tensor("value");
  const data = hostRoom(shape, "importOnnx: ConstantOfShape").fill(value?.data[0] ?? 0);
  return { shape, data, integer: value?.integer ?? false };
});

const range: Runner = single((call) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => call.host(i).data[0]!) as [number, number, number];
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  if (!Number.isFinite(count)) call.fail("range", "an end", `${start} to ${limit} by ${delta}`);
  const data = hostRoom([count], "importOnnx: Range");
  return hostTensor(
    [count],
    data.map((_, i) => start + i * delta),
    call.host(0).integer,
  );
});

const expand: Runner = single((call) => {
  const x = call.host(0);
  const shape = broadcastShapes("Expand", x.shape, [...call.host(1).data]);
  return built(call, shape, x.integer, (index) => at(x, index));
});

const constant: Runner = single((call) => {
  const tensor = call.tensor("value");
  if (tensor) return tensor;
  const { attributes } = call.node;
  if (attributes.has("value_float")) return hostTensor([], [call.float("value_float", 0)], false);
  if (attributes.has("value_int")) return hostTensor([], [call.int("value_int")], true);
  const floats = call.numbers("value_floats");
  if (floats) return hostTensor([floats.length], floats, false);
  const ints = call.numbers("value_ints");
  if (ints) return hostTensor([ints.length], ints, true);
  return call.fail("attributes", "a tensor or numbers", [...attributes.keys()].join(", ") || "none");
});

/** Of a whole array, or along the axes that are named. */
function reduction(combine: (a: number, b: number) => number, start: number): Runner {
  return single((call) => {
    const x = call.host(0);
    const rank = x.shape.length;
    const axes = (call.listed("axes", 1) ?? x.shape.map((_, i) => i)).map((axis) =>
      axis < 0 ? axis + rank : axis,
    );
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const result = {
      shape: kept,
      data: hostRoom(kept, "importOnnx: reduction").fill(start),
      integer: x.integer,
    };
    const strides = rowMajorStrides(kept);
    built(call, x.shape, x.integer, (index) => {
      const place = index.reduce((sum, i, axis) => sum + (kept[axis] === 1 ? 0 : i * strides[axis]!), 0);
      result.data[place] = combine(result.data[place]!, at(x, index));
      return 0;
    });
    const dropped = kept.filter((_, axis) => !axes.includes(axis));
    return { ...result, shape: call.int("keepdims", 1) ? kept : dropped };
  });
}

const truth = (value: boolean): number => (value ? 1 : 0);

/** By operator; taken when every input is known. Those without inputs, and Shape and Size, are always known. */
export const HOST: Readonly<Record<string, Runner>> = {
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: division,
  Mod: modulo,
  Pow: elementwise((a, b) => a ** b),
  Min: elementwise(Math.min),
  Max: elementwise(Math.max),
  Neg: elementwise((a) => -a),
  Abs: elementwise(Math.abs),
  Floor: elementwise(Math.floor),
  Ceil: elementwise(Math.ceil),
  Sqrt: elementwise(Math.sqrt, false),
  Exp: elementwise(Math.exp, false),
  Log: elementwise(Math.log, false),
  Reciprocal: elementwise((a) => 1 / a, false),
  Equal: elementwise((a, b) => truth(a === b), true),
  Less: elementwise((a, b) => truth(a < b), true),
  Greater: elementwise((a, b) => truth(a > b), true),
  And: elementwise((a, b) => truth(Boolean(a && b)), true),
  Or: elementwise((a, b) => truth(Boolean(a || b)), true),
  Not: elementwise((a) => truth(!a), true),
  Where: elementwise((condition, a, b) => (condition ? a : b)),
  Identity: single((call) => call.host(0)),
  Gather: gather,
  Concat: concat,
  Slice: slice,
  Transpose: transpose,
  Reshape: reshaped((call, shape) => resolveReshape(call, shape)),
  Squeeze: reshaped((call, shape) => squeezed(call, shape)),
  Unsqueeze: reshaped((call, shape) => unsqueezed(call, shape)),
  Flatten: reshaped((_, shape) => [numel(shape.slice(0, 1)), numel(shape.slice(1))]),
  Cast: cast,
  ConstantOfShape: constantOfShape,
  Range: range,
  Expand: expand,
  Constant: constant,
  ReduceProd: reduction((a, b) => a * b, 1),
  ReduceSum: reduction((a, b) => a + b, 0),
  ReduceMax: reduction(Math.max, Number.NEGATIVE_INFINITY),
  ReduceMin: reduction(Math.min, Number.POSITIVE_INFINITY),
};
