import quadsWgsl from "../../shaders/winograd_matmul_transposed_quads.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv, numel } from "../core/shape.ts";
import { defineOp, type Kernel } from "../graph/define.ts";
import { hasQuads } from "../graph/target.ts";
import { gemmKernels, rowMajorOperand } from "./gemm.ts";
import { PLACES } from "./winograd-tiles.ts";

/** `splits` ranges of rows of a and b, each with a product of its own. */
interface SplitAttrs {
  readonly splits: number;
}

/** Rows that a turn of the quads' loop takes. */
const UNROLL = 4;

const quads: Kernel<"a" | "b", "y", SplitAttrs> = {
  name: "winograd_matmul_transposed_quads",
  wgsl: quadsWgsl,
  when: ({ target }) => target.features.includes("subgroups") && hasQuads(target),
  // Two rows and two columns of lanes need four vec4s each to work on.
  suits: ({ shape: { a, b } }) => a[2]! > 8 && b[2]! > 8,
  launch: ({ shape: { a, b }, attrs: { splits } }) => {
    const [rows, rows4, columns4] = [a[1]!, a[2]! / 4, b[2]! / 4];
    const range = UNROLL * ceilDiv(ceilDiv(rows, splits), UNROLL);
    const tiles = PLACES * splits * ceilDiv(rows4, 4) * ceilDiv(columns4, 4);
    return {
      grid: linearGrid(ceilDiv(tiles, 16)),
      const: {
        INNER: rows,
        ROWS4: rows4,
        COLUMNS4: columns4,
        SPLITS: splits,
        SPLIT_INNER: range,
        UNROLL,
        TAIL: range * splits !== rows,
      },
    };
  },
};

/**
 * The products of a Winograd convolution's kernel gradient.   y[s, p] = Σ a[p, t]ᵀ b[p, t] over t in range s, p = 0 … 35
 * Shapes  a [36, T, M]; b [36, T, N]; y [splits, 36, M, N]; M and N multiples of 4
 */
export const winogradMatmulTransposed = defineOp<"a" | "b", "y", SplitAttrs>({
  name: "winograd_matmul_transposed",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }, { splits }) => ({ y: [splits, PLACES, a[2]!, b[2]!] }),
  lowerings: [
    quads,
    ...gemmKernels<SplitAttrs>({
      sizes: ({ shape: { a, b }, attrs: { splits } }) => ({
        m: a[2]!,
        n: b[2]!,
        k: a[1]!,
        batches: PLACES,
        splits,
      }),
      factors: ({ physical: { a, b } }) => [
        rowMajorOperand(a, true, [PLACES]),
        rowMajorOperand(b, false, [PLACES]),
      ],
    }),
  ],
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape }) => ({ flops: 2 * numel(shape.a) * shape.b[2]! }),
});
