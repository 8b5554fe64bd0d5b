import concatWgsl from "../../shaders/concat.wgsl?raw";
import { ShapeError } from "../core/errors.ts";
import { linearGrid } from "../core/grid.ts";
import type { Physical } from "../core/layout.ts";
import { ceilDiv, formatShape, resolveAxis, type Shape } from "../core/shape.ts";
import { defineOp, type Kernel } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { sliceBy } from "./slice.ts";

export interface ConcatOptions {
  /** Axis along which the arrays follow one another. */
  readonly axis: number;
}

/** Inputs of one dispatch: WebGPU guarantees eight storage buffers, one of which is the result. */
const MOST = 7;
const names = Array.from({ length: MOST }, (_, i) => `v${i}`);

const kernel: Kernel<string, "y", ConcatOptions> = {
  name: "concat",
  wgsl: concatWgsl,
  layouts: { ...Object.fromEntries(names.map((name) => [name, "any" as const])), y: "like v0" },
  launch: ({ physical, attrs: { axis } }) => {
    const y = physical.y!;
    const parts = names.flatMap((name) => (physical[name] ? [physical[name]] : []));
    const rows = rowLengths(y, parts, axis);
    const wide = rows?.every((row) => row % 4 === 0) ?? false;
    const elem = wide ? "vec4<u32>" : "u32";
    const count = wide ? y.size / 4 : y.size;
    return {
      grid: linearGrid(ceilDiv(count, 64)),
      const: { COUNT: count },
      alias: { Elem: elem },
      hook: {
        element: rows ? rowBody(rows.map((row) => (wide ? row / 4 : row))) : stridedBody(y, parts, axis),
      },
      append: parts.map(
        (_, i) => `@group(0) @binding(${i + 1}) var<storage, read> ${names[i]}: array<${elem}>;`,
      ),
    };
  },
};

/** Elements that each part gives to a row of y, where rows of all parts and of y lie in one piece each. */
function rowLengths(y: Physical, parts: readonly Physical[], axis: number): number[] | undefined {
  if (parts.some((part) => part.layout.name !== y.layout.name)) return undefined;
  const order = y.layout.order ?? y.shape.map((_, i) => i);
  const position = order.indexOf(axis);
  const lengths = parts.map((part) => part.dims.slice(position).reduce((product, size) => product * size, 1));
  const row = y.dims.slice(position).reduce((product, size) => product * size, 1);
  // Padding inside a row would open a gap between two parts.
  const gaps = parts.slice(0, -1).some((part) => part.dims[position] !== part.shape[axis]);
  return gaps || lengths.reduce((a, b) => a + b, 0) !== row ? undefined : lengths;
}

function rowBody(lengths: readonly number[]): string {
  const row = lengths.reduce((a, b) => a + b, 0);
  let start = 0;
  const pieces = lengths.map((length, n) => {
    const place = `row * ${length}u + (column - ${start}u)`;
    start += length;
    return n === lengths.length - 1
      ? `return ${names[n]}[${place}];`
      : `if (column < ${start}u) { return ${names[n]}[${place}]; }`;
  });
  return `let row = i / ${row}u; let column = i % ${row}u; ${pieces.join(" ")}`;
}

/** Every part through its own strides: layouts that differ, or channels that do not fill whole vectors. */
function stridedBody(y: Physical, parts: readonly Physical[], axis: number): string {
  const order = y.layout.order ?? y.shape.map((_, i) => i);
  let inner = y.size;
  const statements = order.map((logical, position) => {
    inner /= y.dims[position]!;
    return `let c${logical} = (i / ${inner}u) % ${y.dims[position]}u;`;
  });
  let start = 0;
  for (const [n, part] of parts.entries()) {
    const places = part.strides.map(
      (stride, i) => `${i === axis ? `(c${i} - ${start}u)` : `c${i}`} * ${stride}u`,
    );
    start += part.shape[axis]!;
    statements.push(`if (c${axis} < ${start}u) { return ${names[n]}[${places.join(" + ")}]; }`);
  }
  return `${statements.join(" ")} return 0u;`;
}

const op = defineOp<string, "y", ConcatOptions>({
  name: "concat",
  inputs: [],
  outputs: ["y"],
  variadic: true,
  dtypes: { y: "like v0" },
  shape: (inputs, { axis }) => ({ y: joinedShape(Object.values(inputs), axis) }),
  lowerings: [kernel],
  gradient: ({ in: inputs, dy, attrs: { axis }, needs }) => {
    let start = 0;
    return Object.fromEntries(
      Object.entries(inputs).map(([name, { shape }]) => {
        const begin = shape.map((_, i) => (i === axis ? start : 0));
        start += shape[axis]!;
        return [name, needs[name] && sliceBy(dy, { begin, step: shape.map(() => 1), size: shape })];
      }),
    );
  },
});

function joinedShape(shapes: readonly Shape[], axis: number): number[] {
  const [first, ...rest] = shapes as [Shape, ...Shape[]];
  for (const shape of rest) {
    const wrong =
      shape.length !== first.length ? -1 : shape.findIndex((size, i) => i !== axis && size !== first[i]);
    if (shape.length === first.length && wrong < 0) continue;
    throw new ShapeError({
      op: "concat",
      problem: wrong < 0 ? "ranks" : `size of axis ${wrong}`,
      expected: wrong < 0 ? `${first.length} as the first value` : `${first[wrong]} as the first value`,
      got: wrong < 0 ? `${shape.length}` : `${shape[wrong]}`,
      shapes: Object.fromEntries(shapes.map((s, i) => [`v${i}`, formatShape(s)])),
      fix: `values may differ in size along axis ${axis} only`,
    });
  }
  return first.map((size, i) => (i === axis ? shapes.reduce((sum, shape) => sum + shape[axis]!, 0) : size));
}

/**
 * Arrays one after another along an axis.
 * Shapes  values alike but for `axis`; y with the sum of their sizes there
 * Errors  ShapeError for no value, other ranks or sizes, mixed dtypes, an axis out of range
 */
export function concat(values: readonly Value[], { axis }: ConcatOptions): Value {
  const [first] = values;
  if (!first) {
    throw new ShapeError({ op: "concat", problem: "values", expected: "at least one", got: "none" });
  }
  const other = values.find(({ dtype }) => dtype !== first.dtype);
  if (other) {
    throw new ShapeError({
      op: "concat",
      problem: "dtypes",
      expected: `${first.dtype} as the first value`,
      got: other.dtype,
    });
  }
  const resolved = resolveAxis("concat", axis, first.shape.length);
  if (values.length === 1) return first;
  if (values.length <= MOST) {
    return op(Object.fromEntries(values.map((value, i) => [names[i]!, value])), { axis: resolved }).y;
  }
  const groups = Array.from({ length: ceilDiv(values.length, MOST) }, (_, i) =>
    values.slice(i * MOST, (i + 1) * MOST),
  );
  return concat(
    groups.map((group) => concat(group, { axis })),
    { axis },
  );
}
