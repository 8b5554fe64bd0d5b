import backwardInputWgsl from "../../shaders/conv2d_backward_input_tiled.wgsl?raw";
import forwardWgsl from "../../shaders/conv2d_forward_tiled.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { CHANNELS_LAST, WEIGHT_HWIO } from "../core/layout.ts";
import { ceilDiv } from "../core/shape.ts";
import type { Launch, Target } from "../graph/define.ts";
import { hasWorkgroupTiles } from "../graph/target.ts";
import {
  type DenseLaunch,
  type Forward,
  forwardDense,
  forwardFamily,
  type InputGradient,
  inputGradientDense,
  inputGradientFamily,
} from "./conv2d-dense.ts";

/** Convolution kernels through workgroup memory, for adapters with wide subgroups. */

/** A workgroup's tile: threads across and down, pixels and vec4s of each, vec4s of the sum read at a time. */
interface Tile {
  readonly size: number;
  readonly threads: readonly [x: number, y: number];
  readonly pixels: number;
  readonly vecs: number;
  readonly step: number;
}

/** Largest first; sizes are pixels, and channels, of a tile. Memory: 12, 8 and 2 KiB. */
const TILES: readonly Tile[] = [
  { size: 128, threads: [16, 16], pixels: 8, vecs: 2, step: 2 },
  { size: 64, threads: [8, 8], pixels: 8, vecs: 2, step: 4 },
  { size: 32, threads: [8, 8], pixels: 4, vecs: 1, step: 2 },
];

/** Workgroups below which a GPU is not filled and a smaller tile does better. */
const FEW_WORKGROUPS = 256;

/** True where tiles of `size` are filled by the channels and there are enough of them. */
function fills(tile: Tile, pixels: number, channels: number): boolean {
  if (tile.size === 32) return true;
  return (
    channels > tile.size / 2 && ceilDiv(pixels, tile.size) * ceilDiv(channels, tile.size) >= FEW_WORKGROUPS
  );
}

/** True where no tile reaches over the end of a group. */
function fitsGroups(tile: Tile, channels: number, groups: number): boolean {
  return groups === 1 || (channels / groups) % tile.size === 0;
}

function allowed(target: Target, { threads }: Tile): boolean {
  return threads[0] * threads[1] <= target.maxComputeInvocationsPerWorkgroup;
}

function tiledLaunch(dense: DenseLaunch, tile: Tile): Launch {
  const tiles = ceilDiv(dense.vecs * 4, tile.size) * ceilDiv(dense.pixels, tile.size);
  return {
    grid: [...linearGrid(tiles), dense.layers],
    const: {
      ...dense.const,
      THREADS_X: tile.threads[0],
      THREADS_Y: tile.threads[1],
      THREAD_PIXELS: tile.pixels,
      THREAD_VECS: tile.vecs,
      STEP: tile.step,
    },
    ...(dense.hook && { hook: dense.hook }),
  };
}

export const forwardTiled: readonly Forward[] = TILES.map((tile) => ({
  name: `conv2d_forward_tiled_${tile.size}`,
  wgsl: forwardWgsl,
  layouts: { x: CHANNELS_LAST, weight: WEIGHT_HWIO, y: CHANNELS_LAST },
  hooks: ["epilogue"],
  padZero: ["y"],
  when: (context) =>
    forwardFamily(context) === "dense" &&
    allowed(context.target, tile) &&
    fitsGroups(tile, context.shape.weight[0]!, context.attrs.groups),
  suits: ({ shape: { y }, target }) => hasWorkgroupTiles(target) && fills(tile, y[0]! * y[2]! * y[3]!, y[1]!),
  launch: (context) => tiledLaunch(forwardDense(context), tile),
}));

export const inputGradientTiled: readonly InputGradient[] = TILES.map((tile) => ({
  name: `conv2d_backward_input_tiled_${tile.size}`,
  wgsl: backwardInputWgsl,
  layouts: { dy: CHANNELS_LAST, weight: WEIGHT_HWIO, dx: CHANNELS_LAST },
  hooks: ["epilogue"],
  padZero: ["dx"],
  when: (context) =>
    inputGradientFamily(context) === "dense" &&
    allowed(context.target, tile) &&
    fitsGroups(tile, context.shape.dx[1]!, context.attrs.groups),
  suits: ({ shape: { dx }, target }) =>
    hasWorkgroupTiles(target) && fills(tile, dx[0]! * dx[2]! * dx[3]!, dx[1]!),
  launch: (context) => tiledLaunch(inputGradientDense(context), tile),
}));
