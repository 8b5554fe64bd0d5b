import denseWgsl from "../../shaders/conv2d_backward_weight.wgsl?raw";
import depthwiseWgsl from "../../shaders/conv2d_backward_weight_depthwise.wgsl?raw";
import fewWgsl from "../../shaders/conv2d_backward_weight_few.wgsl?raw";
import plainWgsl from "../../shaders/conv2d_backward_weight_plain.wgsl?raw";
import quadsWgsl from "../../shaders/conv2d_backward_weight_quads.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { CHANNELS_LAST, type Layout, PLAIN, physical as place, WEIGHT_HWIO } from "../core/layout.ts";
import { ceilDiv, dims4, numel, type Shape } from "../core/shape.ts";
import {
  type ChoiceContext,
  defineOp,
  type Kernel,
  type Launch,
  type LaunchContext,
  type Target,
} from "../graph/define.ts";
import { hasQuads, hasWorkgroupTiles } from "../graph/target.ts";
import type { Value } from "../graph/value.ts";
import { addSplits } from "./add-splits.ts";
import { type ConvAttrs, convFamily, geometryConsts, threadGrid, tileVecs } from "./conv-geometry.ts";
import { canSwap } from "./conv2d-quads.ts";
import { winogradKernelGradient } from "./winograd.ts";

/** A convolution's attributes and the size of its kernel. */
export interface WeightGradientAttrs extends ConvAttrs {
  readonly kernelH: number;
  readonly kernelW: number;
}

/** `rows` rows of output pixels (a row: one image and one p) go into each copy of the gradient. */
interface RangeAttrs extends WeightGradientAttrs {
  readonly rows: number;
}

type Names = "x" | "dy" | "dweight";
type WeightGradient = Kernel<"x" | "dy", "dweight", WeightGradientAttrs>;
type Shapes = Readonly<Record<"x" | "dy", Shape>>;

function weightShape({ x, dy }: Shapes, attrs: WeightGradientAttrs): number[] {
  return [dy[1]!, x[1]! / attrs.groups, attrs.kernelH, attrs.kernelW];
}

function family(shape: Shapes, attrs: WeightGradientAttrs): "few" | "dense" | "depthwise" | "plain" {
  const found = convFamily(shape.x[1]!, shape.dy[1]!, attrs.groups);
  return found === "dense" && shape.x[1]! < 4 ? "few" : found;
}

function weightLayout(shape: Shapes, attrs: WeightGradientAttrs): Layout {
  return family(shape, attrs) === "plain" ? PLAIN : WEIGHT_HWIO;
}

/** Register tiles, and how many threads compute one copy of the gradient. */
function tiling(shape: Shapes, attrs: WeightGradientAttrs) {
  const [k, groupC, r, s] = weightShape(shape, attrs) as [number, number, number, number];
  const kind = family(shape, attrs);
  const k4 = ceilDiv(k, 4);
  const c4 = ceilDiv(groupC, 4);
  const tileK = tileVecs(k4, attrs.groups === 1 ? k4 : k / attrs.groups / 4, attrs.groups);
  const tileC = c4 > 1 ? 2 : 1;
  const tileS = ceilDiv(s, ceilDiv(s, 8));
  const threads = {
    few: ceilDiv(k4, tileK) * groupC * ceilDiv(s, tileS) * r,
    dense: ceilDiv(k4, tileK) * ceilDiv(c4, tileC) * r * s,
    depthwise: k4 * r,
    plain: k * groupC * r * s,
  };
  return { tileK, tileC, tileS, threads: threads[kind] };
}

/**
 * Rows of output pixels per copy of the gradient: as many copies as bring `wanted` threads, as long as every thread keeps
 * 64 pixels and the copies are smaller than what the kernel reads.
 */
function rowsPerRange(shape: Shapes, attrs: WeightGradientAttrs, wanted: number): number {
  const [n, , p, q] = dims4("conv2d_backward_weight", shape.dy);
  const { size } = place(weightShape(shape, attrs), weightLayout(shape, attrs));
  const copies = Math.min(
    ceilDiv(wanted, tiling(shape, attrs).threads),
    Math.floor((n * p * q) / 64),
    Math.floor((numel(shape.x) + numel(shape.dy)) / (2 * size)),
    n * p,
  );
  return ceilDiv(n * p, Math.max(1, copies));
}

/** Constants that every file of the weight gradient declares; all rows form one range where `attrs` names none. */
function sizeConsts({ shape, attrs }: LaunchContext<Names, WeightGradientAttrs>) {
  const [n, , p, q] = dims4("conv2d_backward_weight", shape.dy);
  const [, , h, w] = dims4("conv2d_backward_weight", shape.x);
  const rows = (attrs as Partial<RangeAttrs>).rows ?? n * p;
  return {
    ranges: ceilDiv(n * p, rows),
    consts: {
      ROWS: rows,
      ALL_ROWS: n * p,
      P: p,
      Q: q,
      H: h,
      W: w,
      R: attrs.kernelH,
      S: attrs.kernelW,
      ...geometryConsts(attrs),
    },
    /** Rows whose products go into one chain of additions: about 512 pixels. */
    sumRows: { SUM_ROWS: Math.max(1, Math.floor(512 / q)) },
  };
}

/** Constants of the kernels over whole vec4s of channels. */
function denseConsts({ shape, physical, attrs: { groups } }: LaunchContext<Names, WeightGradientAttrs>) {
  const [c4, k4] = [physical.x.dims[3]! / 4, physical.dy.dims[3]! / 4];
  return {
    C: shape.x[1]! / groups,
    K: shape.dy[1]!,
    C4: c4,
    K4: k4,
    GROUP_C4: groups === 1 ? c4 : shape.x[1]! / groups / 4,
    GROUP_K4: groups === 1 ? k4 : shape.dy[1]! / groups / 4,
  };
}

function launchDense(context: LaunchContext<Names, WeightGradientAttrs>): Launch {
  const { tileK, tileC, threads } = tiling(context.shape, context.attrs);
  const { ranges, consts, sumRows } = sizeConsts(context);
  return {
    grid: threadGrid(threads * ranges),
    const: { ...consts, ...sumRows, ...denseConsts(context), TILE_C: tileC, TILE_K: tileK },
  };
}

/** vec4s of output channels of a lane's tile, of which two lie side by side in a quad; none where those reach over a group. */
function quadTileK(shape: Shapes, { groups }: WeightGradientAttrs): 0 | 1 | 2 {
  const vecs = ceilDiv(shape.dy[1]! / groups, 4);
  if (groups === 1) return vecs > 2 ? 2 : 1;
  return vecs % 4 === 0 ? 2 : vecs % 2 === 0 ? 1 : 0;
}

function launchQuads(context: LaunchContext<Names, WeightGradientAttrs>): Launch {
  const { ranges, consts, sumRows } = sizeConsts(context);
  const sizes = denseConsts(context);
  const tileK = quadTileK(context.shape, context.attrs) || 1;
  const tileC = sizes.GROUP_C4 > 2 ? 2 : 1;
  const tiles = ceilDiv(sizes.GROUP_C4, 2 * tileC) * ceilDiv(sizes.K4, 2 * tileK);
  const blocks = ceilDiv(tiles, 8);
  return {
    grid: linearGrid(blocks * context.attrs.kernelH * context.attrs.kernelW * ranges),
    const: {
      ...consts,
      ...sumRows,
      ...sizes,
      QUADS: ceilDiv(tiles, blocks),
      TILE_PIXELS: consts.Q > 8 ? 4 : 2,
      TILE_C: tileC,
      TILE_K: tileK,
      SHARE_C: tileC,
      SHARE_K: tileK,
    },
  };
}

function launchFew(context: LaunchContext<Names, WeightGradientAttrs>): Launch {
  const { shape, physical, attrs } = context;
  const { tileK, tileS, threads } = tiling(shape, attrs);
  const { ranges, consts, sumRows } = sizeConsts(context);
  return {
    grid: threadGrid(threads * ranges),
    const: {
      ...consts,
      ...sumRows,
      TILE_S: tileS,
      TILE_K: tileK,
      C: shape.x[1]!,
      K: shape.dy[1]!,
      K4: physical.dy.dims[3]! / 4,
    },
  };
}

function launchDepthwise(context: LaunchContext<Names, WeightGradientAttrs>): Launch {
  const { shape, physical, attrs } = context;
  const { ranges, consts, sumRows } = sizeConsts(context);
  return {
    grid: threadGrid(tiling(shape, attrs).threads * ranges),
    const: { ...consts, ...sumRows, K: shape.dy[1]!, C4: physical.dy.dims[3]! / 4 },
  };
}

function launchPlain(context: LaunchContext<Names, WeightGradientAttrs>): Launch {
  const { shape, attrs } = context;
  const { ranges, consts } = sizeConsts(context);
  const [c, k] = [shape.x[1]!, shape.dy[1]!];
  const { threads } = tiling(shape, attrs);
  return {
    grid: threadGrid(threads * ranges),
    const: { ...consts, COUNT: threads, C: c, K: k, GROUP_C: c / attrs.groups, GROUP_K: k / attrs.groups },
  };
}

/** The kernels; copies of the gradient lie one behind the other as rows of a plain matrix. */
function kernels(copies: boolean): WeightGradient[] {
  const dweight = copies ? PLAIN : WEIGHT_HWIO;
  const is = (kind: string) => (context: ChoiceContext<Names, WeightGradientAttrs>) =>
    family(context.shape, context.attrs) === kind;
  const vec4 = { dy: CHANNELS_LAST, dweight };
  return [
    {
      name: "conv2d_backward_weight_few",
      wgsl: fewWgsl,
      layouts: vec4,
      padZero: ["dweight"],
      when: is("few"),
      launch: launchFew,
    },
    {
      name: "conv2d_backward_weight_quads",
      wgsl: quadsWgsl,
      layouts: { x: CHANNELS_LAST, ...vec4 },
      padZero: ["dweight"],
      when: ({ shape, attrs, target }) =>
        canSwap(target) && family(shape, attrs) === "dense" && quadTileK(shape, attrs) > 0,
      launch: launchQuads,
    },
    {
      name: "conv2d_backward_weight",
      wgsl: denseWgsl,
      layouts: { x: CHANNELS_LAST, ...vec4 },
      padZero: ["dweight"],
      when: is("dense"),
      launch: launchDense,
    },
    {
      name: "conv2d_backward_weight_depthwise",
      wgsl: depthwiseWgsl,
      layouts: { x: CHANNELS_LAST, ...vec4 },
      padZero: ["dweight"],
      when: is("depthwise"),
      launch: launchDepthwise,
    },
    { name: "conv2d_backward_weight_plain", wgsl: plainWgsl, launch: launchPlain },
  ];
}

function flops({ shape, attrs }: { shape: Readonly<Record<Names, Shape>>; attrs: WeightGradientAttrs }) {
  return { flops: (2 * numel(shape.dy) * numel(weightShape(shape, attrs))) / shape.dy[1]! };
}

const partialOp = defineOp<"x" | "dy", "dweight", RangeAttrs>({
  name: "conv2d_backward_weight_ranges",
  inputs: ["x", "dy"],
  outputs: ["dweight"],
  shape: (shape, attrs) => {
    const weight = weightShape(shape, attrs);
    const { size } = place(weight, weightLayout(shape, attrs));
    return { dweight: [ceilDiv(shape.dy[0]! * shape.dy[2]!, attrs.rows), size] };
  },
  lowerings: kernels(true),
  gradient: { none: "gradients of gradients are not supported" },
  cost: flops,
});

/** Sums over ranges of rows, as many as bring `threads` threads, added by a second pass. */
function ranges(name: string, threads: number, suits: (target: Target) => boolean = () => true) {
  return {
    name,
    when: ({ shape, attrs }: ChoiceContext<Names, WeightGradientAttrs>) =>
      rowsPerRange(shape, attrs, threads) < shape.dy[0]! * shape.dy[2]!,
    suits: ({ target }: ChoiceContext<Names, WeightGradientAttrs>) => suits(target),
    parts: ({ x, dy }: Record<"x" | "dy", Value>, attrs: WeightGradientAttrs) => {
      const shape = { x: x.shape, dy: dy.shape };
      const rows = rowsPerRange(shape, attrs, threads);
      const { dweight } = partialOp({ x, dy }, { ...attrs, rows });
      return { dweight: addSplits(dweight, weightShape(shape, attrs), weightLayout(shape, attrs)) };
    },
  };
}

/**
 * Gradient of conv2d with respect to its weight.
 * dweight[k,c,r,s] = Σ_n,p,q x[n, c, p·stride − pad + r·dilation, …] · dy[n,k,p,q]
 * With many pixels and few weights the sum is split over ranges of rows, and a second pass adds the ranges in order.
 * Shapes  x [N, C, H, W]; dy [N, K, P, Q]; dweight [K, C/groups, kernelH, kernelW]
 * Source  Chetlur et al. 2014 (arXiv:1410.0759) §3
 */
export const conv2dBackwardWeight = defineOp<"x" | "dy", "dweight", WeightGradientAttrs>({
  name: "conv2d_backward_weight",
  inputs: ["x", "dy"],
  outputs: ["dweight"],
  shape: (shape, attrs) => ({ dweight: weightShape(shape, attrs) }),
  lowerings: [
    winogradKernelGradient.default,
    ranges("ranges_few", 512, hasQuads),
    ranges("ranges_many", 65_536, hasWorkgroupTiles),
    ranges("ranges", 4096),
    ...kernels(false),
    winogradKernelGradient.tried,
    winogradKernelGradient.kept,
  ],
  gradient: { none: "gradients of gradients are not supported" },
  cost: flops,
});
