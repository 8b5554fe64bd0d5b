import inputWgsl from "../../shaders/winograd_input.wgsl?raw";
import { CHANNELS_LAST } from "../core/layout.ts";
import { dims4, numel, roundUp } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { maskedLoad, threadGrid } from "./conv-geometry.ts";
import { PLACES, type TileAttrs, tileCount } from "./winograd-tiles.ts";

/** `keptFrom` tells apart windows that are computed twice, so that they need not live in between. */
export interface WindowAttrs extends TileAttrs {
  readonly keptFrom: "forward" | "backward";
}

/**
 * Windows of an image for F(4×4, 3×3).   v[:, t, c] = Bᵀ d[t, c] B, d the 6×6 pixels under tile t, 0 outside the image
 * Shapes  x [N, C, H, W]; v [36, N·tileRows·tileColumns, C rounded up to 4], whose padding is 0
 * Source  Lavin and Gray 2016 (arXiv:1509.09308) §4.2
 */
export const winogradInput = defineOp<"x", "v", WindowAttrs>({
  name: "winograd_input",
  inputs: ["x"],
  outputs: ["v"],
  shape: ({ x }, attrs) => ({ v: [PLACES, tileCount(x[0]!, attrs), roundUp(x[1]!, 4)] }),
  lowerings: [
    {
      name: "winograd_input",
      wgsl: inputWgsl,
      layouts: { x: CHANNELS_LAST },
      launch: ({ shape, attrs, padZero }) => {
        const [n, c, h, w] = dims4("winograd_input", shape.x);
        const c4 = shape.v[2]! / 4;
        const count = tileCount(n, attrs) * c4;
        return {
          grid: threadGrid(count),
          const: {
            COUNT: count,
            H: h,
            W: w,
            C4: c4,
            TILE_H: attrs.tileRows,
            TILE_W: attrs.tileColumns,
            PAD_TOP: attrs.padTop,
            PAD_LEFT: attrs.padLeft,
          },
          ...(c % 4 !== 0 && !padZero.x && { hook: { a_load: maskedLoad("x", c) } }),
        };
      },
    },
  ],
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape }) => ({ flops: 4 * numel(shape.v) }),
});
