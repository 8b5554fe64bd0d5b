import matmulWgsl from "../../shaders/matmul_subgroup_matrix.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import type { Target } from "../graph/define.ts";
import type { GemmOperand, GemmSizes, Member } from "./gemm.ts";

/** Lanes of a workgroup of the kernel, which has to be a whole subgroup. */
const LANES = 32;
/** Results below which a GPU's matrix units have too little to do. */
const FEWEST = 64 * 1024;

type Form = "argument" | "template";

/**
 * Products on matrix units, in every form that browsers may take the draft in: a feature with and without a prefix,
 * loads that are told by an argument or by a template which way a matrix lies. All stand behind the other members for
 * every size that they suit: they are never taken unmeasured, and the tuner leaves out those that do not compile.
 */
export const MATRIX_UNITS: readonly Member[] = [
  member("matmul_subgroup_matrix", "chromium-experimental-subgroup-matrix", "argument"),
  member("matmul_subgroup_matrix_majorness", "chromium-experimental-subgroup-matrix", "template"),
  member("matmul_subgroup_matrix_unprefixed", "subgroup-matrix", "template"),
];

function member(name: string, feature: string, form: Form): Member {
  return {
    name,
    wgsl: matmulWgsl.replace(/^enable \w+;/, `enable ${feature.replaceAll("-", "_")};`),
    storesBare: true,
    when: (target, sizes) => target.features.includes(feature) && fits(target, sizes),
    suits: ({ m, n, batches }) => batches * m * n >= FEWEST,
    launch: (sizes, [a, b]) => {
      const { m, n, k, batches } = sizes;
      const tiles = (batches * m * n) / 256;
      return {
        grid: linearGrid(tiles),
        const: {
          ...{ M: m, N: n, K: k, TILES: tiles, A_STRIDE: a.stride, B_STRIDE: b.stride },
          ...{ A_TRANSPOSED: a.transposed, B_TRANSPOSED: b.transposed },
        },
        hook: {
          ...(a.first && { a_matrix: `return ${a.first};` }),
          ...(b.first && { b_matrix: `return ${b.first};` }),
          ...(form === "template" && { ...templated(a, b) }),
        },
      };
    },
  };
}

/** Whole blocks only: one beyond an edge would be loaded from, and stored into, what lies there. */
function fits(target: Target, { m, n, k, splits, stored: [rows, columns] }: Required<GemmSizes>): boolean {
  const isWhole = m % 16 === 0 && n % 16 === 0 && k > 0 && k % 8 === 0 && rows === m && columns === n;
  return target.subgroupMaxSize === LANES && splits === 1 && isWhole;
}

/** Loads and the store with their majorness as a template argument. */
function templated(a: GemmOperand, b: GemmOperand): Record<string, string> {
  const load = (type: "Left" | "Right", name: "a" | "b", { transposed }: GemmOperand) =>
    `return subgroupMatrixLoad<${type}, ${transposed ? "col" : "row"}_major>` +
    `(&${name}, i, ${name.toUpperCase()}_STRIDE);`;
  return {
    a_block: load("Left", "a", a),
    b_block: load("Right", "b", b),
    store: "subgroupMatrixStore<row_major>(&y, i, v, N);",
  };
}
