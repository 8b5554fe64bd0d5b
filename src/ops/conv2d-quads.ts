import backwardInputWgsl from "../../shaders/conv2d_backward_input_quads.wgsl?raw";
import forwardWgsl from "../../shaders/conv2d_forward_quads.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { CHANNELS_LAST, WEIGHT_HWIO } from "../core/layout.ts";
import { ceilDiv } from "../core/shape.ts";
import type { Launch, Target } from "../graph/define.ts";
import { hasQuads } from "../graph/target.ts";
import {
  type DenseLaunch,
  type Forward,
  forwardDense,
  forwardFamily,
  type InputGradient,
  inputGradientDense,
  inputGradientFamily,
} from "./conv2d-dense.ts";

/** Convolution kernels whose four lanes of a subgroup swap what they read. */

/** True where a kernel may swap values between the four lanes of a subgroup. */
export function canSwap(target: Target): boolean {
  return hasQuads(target) && target.features.includes("subgroups");
}

/** A lane's tile, and what neighbours share of it. `cost` is the measured time of equal work, relative. */
interface QuadTile {
  readonly vecs: number;
  readonly sharePixels: 1 | 2;
  readonly shareVecs: 1 | 2;
  readonly cost: number;
}

const TILES: readonly QuadTile[] = [
  { vecs: 2, sharePixels: 2, shareVecs: 2, cost: 1 },
  { vecs: 1, sharePixels: 2, shareVecs: 1, cost: 1.15 },
  { vecs: 1, sharePixels: 1, shareVecs: 1, cost: 1.5 },
];

/** The tile that computes the channels in the least time, padding of the last tile included; none reaches over a group. */
function quadTile({ vecs, groupVecs }: DenseLaunch): QuadTile {
  let best = TILES.at(-1)!;
  const time = (tile: QuadTile) => {
    const width = tile.vecs * tile.sharePixels;
    return tile.cost * ceilDiv(vecs, width) * width;
  };
  for (const tile of TILES) {
    const fits = groupVecs === vecs || groupVecs % (tile.vecs * tile.sharePixels) === 0;
    if (fits && time(tile) < time(best)) best = tile;
  }
  return best;
}

/** Quads below which smaller tiles are taken: a processor's cores need some to share. */
const FEW_QUADS = 16;

function quadLaunch(dense: DenseLaunch): Launch {
  const tile = quadTile(dense);
  const quads = (pixels: number) =>
    ceilDiv(dense.vecs, tile.vecs * tile.sharePixels) *
    ceilDiv(dense.pixels, (pixels * 4) / tile.sharePixels);
  const pixels = quads(8) * dense.layers < FEW_QUADS ? 4 : 8;
  const perGroup = quads(pixels) * dense.layers < 16 * FEW_QUADS ? 4 : 16;
  return {
    grid: [...linearGrid(ceilDiv(quads(pixels), perGroup)), dense.layers],
    const: {
      ...dense.const,
      QUADS: perGroup,
      TILE_PIXELS: pixels,
      TILE_VECS: tile.vecs,
      SHARE_PIXELS: tile.sharePixels,
      SHARE_VECS: tile.shareVecs,
    },
    ...(dense.hook && { hook: dense.hook }),
  };
}

export const forwardQuads: Forward = {
  name: "conv2d_forward_quads",
  wgsl: forwardWgsl,
  layouts: { x: CHANNELS_LAST, weight: WEIGHT_HWIO, y: CHANNELS_LAST },
  hooks: ["epilogue"],
  padZero: ["y"],
  when: (context) => canSwap(context.target) && forwardFamily(context) === "dense",
  launch: (context) => quadLaunch(forwardDense(context)),
};

export const inputGradientQuads: InputGradient = {
  name: "conv2d_backward_input_quads",
  wgsl: backwardInputWgsl,
  layouts: { dy: CHANNELS_LAST, weight: WEIGHT_HWIO, dx: CHANNELS_LAST },
  hooks: ["epilogue"],
  padZero: ["dx"],
  when: (context) => canSwap(context.target) && inputGradientFamily(context) === "dense",
  launch: (context) => quadLaunch(inputGradientDense(context)),
};
