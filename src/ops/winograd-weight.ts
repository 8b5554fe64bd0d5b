import weightWgsl from "../../shaders/winograd_weight.wgsl?raw";
import { WEIGHT_HWIO } from "../core/layout.ts";
import { numel, roundUp } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { threadGrid } from "./conv-geometry.ts";
import { PLACES } from "./winograd-tiles.ts";

/** `exchanged`: kernels turned by 180°, from output channels to input channels, as the input gradient needs them. */
interface KernelAttrs {
  readonly exchanged: boolean;
}

/**
 * Kernels for F(4×4, 3×3).   u[:, c, k] = G weight[k, c] Gᵀ; exchanged: u[:, k, c] = G (weight[k, c] turned by 180°) Gᵀ
 * Shapes  weight [K, C, 3, 3]; u [36, C, K], or [36, K, C] exchanged, both rounded up to 4 with zeros
 * Source  Lavin and Gray 2016 (arXiv:1509.09308) §4.2
 */
export const winogradWeight = defineOp<"weight", "u", KernelAttrs>({
  name: "winograd_weight",
  inputs: ["weight"],
  outputs: ["u"],
  shape: ({ weight }, { exchanged }) => {
    const [k, c] = [roundUp(weight[0]!, 4), roundUp(weight[1]!, 4)];
    return { u: exchanged ? [PLACES, k, c] : [PLACES, c, k] };
  },
  lowerings: [
    {
      name: "winograd_weight",
      wgsl: weightWgsl,
      layouts: { weight: WEIGHT_HWIO },
      launch: ({ shape: { u }, attrs: { exchanged } }) => ({
        grid: threadGrid((u[1]! * u[2]!) / 4),
        const: { ROWS: u[1]!, COLUMNS4: u[2]! / 4, EXCHANGED: exchanged },
      }),
    },
  ],
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape }) => ({ flops: 4 * numel(shape.u) }),
});
