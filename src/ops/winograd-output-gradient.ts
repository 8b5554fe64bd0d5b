import outputGradientWgsl from "../../shaders/winograd_output_gradient.wgsl?raw";
import { CHANNELS_LAST } from "../core/layout.ts";
import { dims4, numel, roundUp } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { maskedLoad, threadGrid } from "./conv-geometry.ts";
import { PLACES, type TileAttrs, tileCount } from "./winograd-tiles.ts";

/**
 * Adjoint of the output transform.   dm[:, t, k] = A dy[4×4 pixels of tile t, k] Aᵀ
 * Shapes  dy [N, K, P, Q]; dm [36, N·tileRows·tileColumns, K rounded up to 4], whose padding is 0
 * Source  transpose of the output transform, Lavin and Gray 2016 (arXiv:1509.09308) §4.2
 */
export const winogradOutputGradient = defineOp<"dy", "dm", TileAttrs>({
  name: "winograd_output_gradient",
  inputs: ["dy"],
  outputs: ["dm"],
  shape: ({ dy }, attrs) => ({ dm: [PLACES, tileCount(dy[0]!, attrs), roundUp(dy[1]!, 4)] }),
  lowerings: [
    {
      name: "winograd_output_gradient",
      wgsl: outputGradientWgsl,
      layouts: { dy: CHANNELS_LAST },
      launch: ({ shape, attrs, padZero }) => {
        const [n, k, p, q] = dims4("winograd_output_gradient", shape.dy);
        const k4 = shape.dm[2]! / 4;
        const count = tileCount(n, attrs) * k4;
        return {
          grid: threadGrid(count),
          const: { COUNT: count, P: p, Q: q, K4: k4, TILE_H: attrs.tileRows, TILE_W: attrs.tileColumns },
          ...(k % 4 !== 0 && !padZero.dy && { hook: { a_load: maskedLoad("dy", k) } }),
        };
      },
    },
  ],
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape }) => ({ flops: 4 * numel(shape.dm) }),
});
