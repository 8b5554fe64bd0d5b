import weightGradientWgsl from "../../shaders/winograd_weight_gradient.wgsl?raw";
import { WEIGHT_HWIO } from "../core/layout.ts";
import { numel, type Shape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { threadGrid } from "./conv-geometry.ts";

/**
 * Adjoint of the kernel transform.   dweight[k, c] = Gᵀ (Σ_s du[s, :, c, k]) G, the copies added in their order
 * Shapes  du [splits, 36, C, K], C and K rounded up to 4 with zeros; dweight `shape` [K, C, 3, 3]
 * Source  transpose of the kernel transform, Lavin and Gray 2016 (arXiv:1509.09308) §4.2
 */
export const winogradWeightGradient = defineOp<"du", "dweight", { readonly shape: Shape }>({
  name: "winograd_weight_gradient",
  inputs: ["du"],
  outputs: ["dweight"],
  shape: (_, { shape }) => ({ dweight: shape }),
  lowerings: [
    {
      name: "winograd_weight_gradient",
      wgsl: weightGradientWgsl,
      layouts: { dweight: WEIGHT_HWIO },
      padZero: ["dweight"],
      launch: ({ shape: { du } }) => {
        const count = (du[2]! * du[3]!) / 4;
        return { grid: threadGrid(count), const: { COUNT: count, SPLITS: du[0]! } };
      },
    },
  ],
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape }) => ({ flops: 4 * numel(shape.du) }),
});
