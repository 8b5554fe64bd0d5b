import quadsWgsl from "../../shaders/winograd_matmul_quads.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv, numel } from "../core/shape.ts";
import { defineOp, type Kernel } from "../graph/define.ts";
import { hasQuads } from "../graph/target.ts";
import { gemmKernels, rowMajorOperand } from "./gemm.ts";
import { PLACES } from "./winograd-tiles.ts";

/** Rows that a quad of lanes computes. */
const TILE_ROWS = 12;

const quads: Kernel<"a" | "b", "y"> = {
  name: "winograd_matmul_quads",
  wgsl: quadsWgsl,
  when: ({ target }) => target.features.includes("subgroups") && hasQuads(target),
  // Four lanes compute four vec4s side by side.
  suits: ({ shape: { y } }) => y[2]! > 8,
  launch: ({ shape: { a, y } }) => {
    const [rows, columns4] = [y[1]!, y[2]! / 4];
    const tiles = PLACES * ceilDiv(rows, TILE_ROWS) * ceilDiv(columns4, 4);
    return {
      grid: linearGrid(ceilDiv(tiles, 16)),
      const: { ROWS: rows, INNER4: a[2]! / 4, COLUMNS4: columns4, TILE_ROWS },
    };
  },
};

/**
 * The products of a Winograd convolution.   y[p] = a[p] · b[p], p = 0 … 35
 * Shapes  a [36, M, K]; b [36, K, N]; y [36, M, N]; K and N multiples of 4
 */
export const winogradMatmul = defineOp<"a" | "b", "y">({
  name: "winograd_matmul",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }) => ({ y: [PLACES, a[1]!, b[2]!] }),
  lowerings: [
    quads,
    ...gemmKernels<object>({
      sizes: ({ shape: { a, y } }) => ({ m: y[1]!, n: y[2]!, k: a[2]!, batches: PLACES }),
      factors: ({ physical: { a, b } }) => [
        rowMajorOperand(a, false, [PLACES]),
        rowMajorOperand(b, false, [PLACES]),
      ],
    }),
  ],
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape }) => ({ flops: 2 * numel(shape.y) * shape.a[2]! }),
});
