import denseWgsl from "../../shaders/conv2d_backward_weight.wgsl?raw";
import depthwiseWgsl from "../../shaders/conv2d_backward_weight_depthwise.wgsl?raw";
import fewWgsl from "../../shaders/conv2d_backward_weight_few.wgsl?raw";
import fewBlockWgsl from "../../shaders/conv2d_backward_weight_few_block.wgsl?raw";
import plainWgsl from "../../shaders/conv2d_backward_weight_plain.wgsl?raw";
import quadsWgsl from "../../shaders/conv2d_backward_weight_quads.wgsl?raw";
import tiledWgsl from "../../shaders/conv2d_backward_weight_tiled.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { CHANNELS_LAST, type Layout, PLAIN, WEIGHT_HWIO } from "../core/layout.ts";
import { ceilDiv, dims4, type Shape } from "../core/shape.ts";
import type { ChoiceContext, Kernel, Launch, LaunchContext } from "../graph/define.ts";
import { hasWorkgroupTiles } from "../graph/target.ts";
import {
  type ConvAttrs,
  convFamily,
  geometryConsts,
  spanned,
  threadGrid,
  tileVecs,
} from "./conv-geometry.ts";
import { canSwap } from "./conv2d-quads.ts";

/** A convolution's attributes and the size of its kernel. */
export interface WeightGradientAttrs extends ConvAttrs {
  readonly kernelH: number;
  readonly kernelW: number;
}

/** `rows` rows of output pixels (a row: one image and one p) go into each copy of the gradient. */
export interface RangeAttrs extends WeightGradientAttrs {
  readonly rows: number;
}

export type Names = "x" | "dy" | "dweight";
export type WeightGradient = Kernel<"x" | "dy", "dweight", WeightGradientAttrs>;
export type Shapes = Readonly<Record<"x" | "dy", Shape>>;

/** Shape of the weight whose gradient is wanted. */
export function weightShape({ x, dy }: Shapes, attrs: WeightGradientAttrs): number[] {
  return [dy[1]!, x[1]! / attrs.groups, attrs.kernelH, attrs.kernelW];
}

function family(shape: Shapes, attrs: WeightGradientAttrs): "few" | "dense" | "depthwise" | "plain" {
  const found = convFamily(shape.x[1]!, shape.dy[1]!, attrs.groups);
  return found === "dense" && shape.x[1]! < 4 ? "few" : found;
}

/** Layout of the weight that all passes of the convolution agree on. */
export function weightLayout(shape: Shapes, attrs: WeightGradientAttrs): Layout {
  return family(shape, attrs) === "plain" ? PLAIN : WEIGHT_HWIO;
}

/** Register tiles, and how many threads compute one copy of the gradient; blocks of `tileR` kernel rows need fewer. */
export function tiling(shape: Shapes, attrs: WeightGradientAttrs) {
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
  const tileR = kind === "few" ? tileRows(r, tileS * tileK) : 1;
  return { tileK, tileC, tileS, tileR, threads: threads[kind] };
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
      TILE_C: tileC,
      TILE_K: tileK,
      SHARE_C: tileC,
      SHARE_K: tileK,
    },
  };
}

/** Tiles of the kernel in workgroup memory: threads across and down, and vec4s of channels of each thread. */
interface WeightTile {
  readonly threads: readonly [x: number, y: number];
  readonly vecs: readonly [c: number, k: number];
  readonly step: number;
}

const TILES: Readonly<Record<string, WeightTile>> = {
  conv2d_backward_weight_tiled_32: { threads: [8, 8], vecs: [1, 1], step: 8 },
  conv2d_backward_weight_tiled_64: { threads: [8, 8], vecs: [2, 2], step: 16 },
};

function launchTiled(context: LaunchContext<Names, WeightGradientAttrs>, tile: WeightTile): Launch {
  const { ranges, consts, sumRows } = sizeConsts(context);
  const sizes = denseConsts(context);
  const { kernelH, kernelW } = context.attrs;
  const tiles =
    ceilDiv(sizes.GROUP_C4, tile.threads[1] * tile.vecs[0]) *
    ceilDiv(sizes.K4, tile.threads[0] * tile.vecs[1]);
  return {
    grid: linearGrid(tiles * kernelH * kernelW * ranges),
    const: {
      ...consts,
      ...sumRows,
      ...sizes,
      THREADS_X: tile.threads[0],
      THREADS_Y: tile.threads[1],
      THREAD_C: tile.vecs[0],
      THREAD_K: tile.vecs[1],
      STEP: tile.step,
    },
  };
}

/** Kernels in workgroup memory, the larger tile first where it is filled. */
function tiledKernels(layouts: WeightGradient["layouts"]): WeightGradient[] {
  return Object.entries(TILES)
    .reverse()
    .map(([name, tile]): WeightGradient => {
      const width = 4 * tile.threads[0] * tile.vecs[1];
      return {
        name,
        wgsl: tiledWgsl,
        layouts: layouts!,
        padZero: ["dweight"],
        when: ({ shape, attrs }) =>
          family(shape, attrs) === "dense" &&
          (attrs.groups === 1 || (shape.dy[1]! / attrs.groups) % width === 0),
        suits: ({ shape, attrs, target }) =>
          hasWorkgroupTiles(target) &&
          (width === 32 || Math.min(shape.x[1]! / attrs.groups, shape.dy[1]!) > 32),
        launch: (context) => launchTiled(context, tile),
      };
    });
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

function is(kind: string) {
  return ({ shape, attrs }: ChoiceContext<Names, WeightGradientAttrs>) => family(shape, attrs) === kind;
}

function swaps({ shape, attrs, target }: ChoiceContext<Names, WeightGradientAttrs>): boolean {
  return canSwap(target) && family(shape, attrs) === "dense" && quadTileK(shape, attrs) > 0;
}

/** Kernels over whole vec4s of input and output channels. */
function denseKernels(layouts: NonNullable<WeightGradient["layouts"]>): WeightGradient[] {
  const shared = { layouts, padZero: ["dweight"] as const };
  return [
    {
      ...shared,
      name: "conv2d_backward_weight_quads",
      wgsl: quadsWgsl,
      when: swaps,
      launch: launchQuads,
    },
    ...tiledKernels(layouts),
    {
      ...shared,
      name: "conv2d_backward_weight",
      wgsl: denseWgsl,
      quick: true,
      when: is("dense"),
      launch: launchDense,
    },
  ];
}

/** Input columns under four pixels of a row and `taps` taps, if not too many of them are gaps. */
function fourPixels({ strideW, dilationW }: WeightGradientAttrs, taps: number): number | undefined {
  const columns = spanned(4, strideW, taps, dilationW);
  return columns <= 4 * taps ? columns : undefined;
}

/** Most kernel rows of which `vecs` vec4s of sums each fit in a thread; divides the number of rows. */
function tileRows(rows: number, vecs: number): number {
  for (let tile = rows; tile > 1; tile--) if (rows % tile === 0 && tile * vecs <= 20) return tile;
  return 1;
}

/** Input columns from the first to the last that some window reaches. */
function usedWidth({ x, dy }: Shapes, { strideW, dilationW, kernelW, pad }: WeightGradientAttrs): number {
  return Math.min(x[3]!, spanned(dy[3]!, strideW, kernelW, dilationW) - pad.left);
}

function launchFewBlock(context: LaunchContext<Names, WeightGradientAttrs>): Launch {
  const { shape, physical, attrs } = context;
  const { tileK, tileS, tileR, threads } = tiling(shape, attrs);
  const { ranges, consts, sumRows } = sizeConsts(context);
  return {
    grid: threadGrid((threads / tileR) * ranges),
    const: {
      ...consts,
      ...sumRows,
      TILE_R: tileR,
      TILE_S: tileS,
      TILE_K: tileK,
      COLUMNS: fourPixels(attrs, tileS)!,
      USED_W: usedWidth(shape, attrs),
      C: shape.x[1]!,
      K: shape.dy[1]!,
      K4: physical.dy.dims[3]! / 4,
    },
  };
}

/** The kernels; copies of the gradient lie one behind the other as rows of a plain matrix. */
export function kernels(copies: boolean): WeightGradient[] {
  const dweight = copies ? PLAIN : WEIGHT_HWIO;
  const few = { dy: CHANNELS_LAST, dweight };
  const layouts = { x: CHANNELS_LAST, ...few };
  return [
    {
      name: "conv2d_backward_weight_few_block",
      wgsl: fewBlockWgsl,
      layouts: few,
      padZero: ["dweight"],
      when: ({ shape, attrs }) =>
        family(shape, attrs) === "few" && fourPixels(attrs, tiling(shape, attrs).tileS) !== undefined,
      // With one kernel row a thread, turning the pixels costs what it saves: 2.1 ms against 1.7 for 5x5 at stride 2.
      suits: ({ shape, attrs }) => tiling(shape, attrs).tileR > 1,
      launch: launchFewBlock,
    },
    {
      name: "conv2d_backward_weight_few",
      quick: true,
      wgsl: fewWgsl,
      layouts: few,
      padZero: ["dweight"],
      when: is("few"),
      launch: launchFew,
    },
    ...denseKernels(layouts),
    {
      name: "conv2d_backward_weight_depthwise",
      quick: true,
      wgsl: depthwiseWgsl,
      layouts,
      padZero: ["dweight"],
      when: is("depthwise"),
      launch: launchDepthwise,
    },
    { name: "conv2d_backward_weight_plain", wgsl: plainWgsl, launch: launchPlain },
  ];
}
