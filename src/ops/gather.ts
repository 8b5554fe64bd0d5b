import gatherPixels from "../../shaders/gather_pixels.wgsl?raw";
import gatherRows from "../../shaders/gather_rows.wgsl?raw";
import type { DType } from "../core/dtype.ts";
import { linearGrid } from "../core/grid.ts";
import { CHANNELS_LAST } from "../core/layout.ts";
import { floatLiteral } from "../core/literal.ts";
import { ceilDiv, numel, type Shape } from "../core/shape.ts";
import { defineOp, type Lowering, type OpSpec } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

/** How a column of a data set is stored and what a batch of it becomes. */
export interface GatherAttrs {
  /** Examples in a batch. */
  readonly batch: number;
  /** Shape of one example. */
  readonly example: Shape;
  /** "u8": four bytes to a word, divided by 255; "f32" and "i32": a word each. */
  readonly storage: "u8" | "f32" | "i32";
  /** Per channel (first axis of an example), or one for all. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Elems below which every thread takes one: a device is then far from full. */
const FEW = 4096;

const load = (storage: GatherAttrs["storage"]) =>
  storage === "u8" ? "f32((source[i / 4u] >> (8u * (i % 4u))) & 255u) / 255.0" : "bitcast<f32>(source[i])";

const loadFour = (storage: GatherAttrs["storage"]) =>
  storage === "u8"
    ? "vec4<f32>((vec4<u32>(source[i]) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u)) / 255.0"
    : "bitcast<vec4<f32>>(source[i])";

function isUniform({ mean, std }: GatherAttrs): boolean {
  return mean.length <= 1 && std.length <= 1;
}

function perChannel({ mean, std }: GatherAttrs, channel: number): readonly [number, number] {
  return [mean[channel] ?? mean[0] ?? 0, std[channel] ?? std[0] ?? 1];
}

function isNormalised({ mean, std }: GatherAttrs): boolean {
  return mean.some((m) => m !== 0) || std.some((s) => s !== 1);
}

/** Body of `normalise` over four channels: one line of selects by channel quad. */
function normaliseQuads(attrs: GatherAttrs, quads: number): string {
  if (!isNormalised(attrs)) return "return v;";
  const vector = (q: number, which: 0 | 1) =>
    `vec4<f32>(${[0, 1, 2, 3].map((lane) => floatLiteral(perChannel(attrs, 4 * q + lane)[which])).join(", ")})`;
  const cases = Array.from({ length: quads }, (_, q) => `return (v - ${vector(q, 0)}) / ${vector(q, 1)};`);
  return cases.map((text, q) => (q < quads - 1 ? `if (q == ${q}u) { ${text} }` : text)).join(" ");
}

/** Bits of one Elem of `width` elements, of row-major rows. */
function convertRow(attrs: GatherAttrs, width: 1 | 4): string {
  const { storage, example } = attrs;
  if (storage === "i32") return "return source[i];";
  const value = width === 4 ? loadFour(storage) : load(storage);
  if (!isNormalised(attrs)) return `return bitcast<Elem>(${value});`;
  const channels = Math.max(1, example[0] ?? 1);
  const inner = numel(example.slice(1)) / width;
  const uniform = isUniform(attrs);
  const chain = Array.from({ length: uniform ? 1 : channels }, (_, c) => {
    const [mean, std] = perChannel(attrs, c);
    const body = `return bitcast<Elem>((${value} - ${floatLiteral(mean)}) / ${floatLiteral(std)});`;
    return uniform || c === channels - 1 ? body : `if (e / ${inner}u == ${c}u) { ${body} }`;
  });
  return chain.join(" ");
}

/** Four neighbours of one channel at a time, where rows and channels start at multiples of four. */
function rowWidth(attrs: GatherAttrs): 1 | 4 {
  const { example } = attrs;
  const unit = isUniform(attrs) ? example : example.slice(1);
  return numel(unit) % 4 === 0 ? 4 : 1;
}

const pixels: Lowering<"source" | "indices", "y", GatherAttrs> = {
  name: "gather_pixels",
  wgsl: gatherPixels,
  layouts: { source: "any", indices: "any", y: CHANNELS_LAST },
  padZero: ["y"],
  // Images of fewer channels than a vec4 stay unpadded: first layers have kernels that read them so.
  when: ({ attrs }) => attrs.example.length === 3 && attrs.example[0]! >= 4 && attrs.storage !== "i32",
  launch: ({ attrs, physical }) => {
    const [channels = 1, height = 1, width = 1] = attrs.example;
    const quads = ceilDiv(channels, 4);
    return {
      grid: linearGrid(ceilDiv(physical.y.size / 4, 64)),
      const: { COUNT: physical.y.size / 4, CHANNELS: channels, QUADS: quads, PIXELS: height * width },
      hook: { element: `return ${load(attrs.storage)};`, normalise: normaliseQuads(attrs, quads) },
    };
  },
};

const rows: Lowering<"source" | "indices", "y", GatherAttrs> = {
  name: "gather_rows",
  wgsl: gatherRows,
  layouts: { source: "any", indices: "any" },
  launch: ({ attrs, physical }) => {
    const width = rowWidth(attrs);
    const count = physical.y.size / width;
    const items = count < FEW ? 1 : 8;
    return {
      grid: linearGrid(ceilDiv(count, 64 * items)),
      const: { COUNT: count, ROW: numel(attrs.example) / width, ITEMS: items },
      ...(width === 4 && {
        alias: { Elem: "vec4<u32>", Source: attrs.storage === "u8" ? "u32" : "vec4<u32>" },
      }),
      hook: { convert: convertRow(attrs, width) },
    };
  },
};

const shape = (attrs: GatherAttrs) => ({ y: [attrs.batch, ...attrs.example] });
const gradient = { none: "data sets are not trained" };
const floats = defineOp<"source" | "indices", "y", GatherAttrs>({
  name: "gather",
  inputs: ["source", "indices"],
  outputs: ["y"],
  shape: (_, attrs) => shape(attrs),
  lowerings: [pixels, rows],
  gradient,
});
const integers = defineOp<"source" | "indices", "y", GatherAttrs>({
  name: "gather",
  inputs: ["source", "indices"],
  outputs: ["y"],
  dtypes: { y: "i32" satisfies DType },
  shape: (_, attrs) => shape(attrs),
  lowerings: [rows],
  gradient,
});

/** The op that gathers integers, for passes. */
export const GATHER_INTEGERS: OpSpec = integers.spec;

/**
 * A batch of a column that lies whole on the device.   y[n] = (source[indices[start + n]]·s − mean) / std, s = 1/255
 * for bytes, `start` a number of the step.
 * Shapes  source: words of [count, ...example]; indices [count]; y [batch, ...example]
 */
export function gather(source: Value, indices: Value, attrs: GatherAttrs): Value {
  return (attrs.storage === "i32" ? integers : floats)({ source, indices }, attrs).y;
}
