import outputWgsl from "../../shaders/winograd_output.wgsl?raw";
import { CHANNELS_LAST } from "../core/layout.ts";
import { dims4, numel, type Shape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { threadGrid } from "./conv-geometry.ts";
import { type TileAttrs, tileCount } from "./winograd-tiles.ts";

/** Tiles, and the shape of the image that they make. */
interface ImageAttrs extends TileAttrs {
  readonly shape: Shape;
}

/**
 * An image from the products of F(4×4, 3×3).   y[4×4 pixels of tile t, k] = Aᵀ m[:, t, k] A
 * Shapes  m [36, N·tileRows·tileColumns, K rounded up to 4]; y `shape` [N, K, P, Q]
 * Source  Lavin and Gray 2016 (arXiv:1509.09308) §4.2
 */
export const winogradOutput = defineOp<"m", "y", ImageAttrs>({
  name: "winograd_output",
  inputs: ["m"],
  outputs: ["y"],
  shape: (_, { shape }) => ({ y: shape }),
  lowerings: [
    {
      name: "winograd_output",
      wgsl: outputWgsl,
      layouts: { y: CHANNELS_LAST },
      hooks: ["epilogue"],
      padZero: ["y"],
      launch: ({ shape, attrs }) => {
        const [n, , p, q] = dims4("winograd_output", shape.y);
        const k4 = shape.m[2]! / 4;
        const count = tileCount(n, attrs) * k4;
        return {
          grid: threadGrid(count),
          const: { COUNT: count, P: p, Q: q, K4: k4, TILE_H: attrs.tileRows, TILE_W: attrs.tileColumns },
        };
      },
    },
  ],
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape }) => ({ flops: 4 * numel(shape.m) }),
});
