import matmulWgsl from "../../shaders/matmul.wgsl?raw";
import matmulQuadsWgsl from "../../shaders/matmul_quads.wgsl?raw";
import matmulTiledWgsl from "../../shaders/matmul_tiled.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import type { Physical } from "../core/layout.ts";
import { ceilDiv, numel, type Shape } from "../core/shape.ts";
import type { ChoiceContext, Kernel, Launch, LaunchContext } from "../graph/define.ts";
import { hasQuads, hasWorkgroupTiles } from "../graph/target.ts";
import { MATRIX_UNITS } from "./gemm-matrix-units.ts";

/** One factor of a product as it lies in memory. */
export interface GemmOperand {
  /** True if a lies as [k, m], or b as [n, k]. */
  readonly transposed: boolean;
  /** Elements between neighbours along the slower axis. */
  readonly stride: number;
  /** WGSL expression of the first element of matrix `z`. */
  readonly first?: string;
  /** True if every row starts at a multiple of four elements, so that loads are whole vectors. */
  readonly aligned: boolean;
}

/** Sizes of a product of (stacks of) matrices, and how much of the result is stored. */
export interface GemmSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batches?: number;
  /** Ranges into which k is split. */
  readonly splits?: number;
  /** Stored rows and columns where y is padded with zeros; m and n where absent. */
  readonly stored?: readonly [rows: number, columns: number];
}

type Name = "a" | "b" | "y";

/** An op y = a·b: its sizes, where its factors lie, and what its kernels ask for. */
export interface GemmOp<A> extends Pick<Kernel<"a" | "b", "y", A>, "layouts" | "hooks" | "padZero"> {
  sizes(context: ChoiceContext<Name, A>): GemmSizes;
  factors(context: LaunchContext<Name, A>): readonly [a: GemmOperand, b: GemmOperand];
}

/** A kernel of the family: a file and how it is specialised for a size. */
export interface Member extends Pick<Kernel, "name" | "wgsl" | "quick"> {
  when?(target: ChoiceContext["target"], sizes: Required<GemmSizes>): boolean;
  suits?(sizes: Required<GemmSizes>, target: ChoiceContext["target"]): boolean;
  /** True if nothing can be fused into the store. */
  readonly storesBare?: boolean;
  launch(sizes: Required<GemmSizes>, factors: readonly [a: GemmOperand, b: GemmOperand]): Launch;
}

/** A member whose file takes the constants of all tiles in registers. */
interface TileMember extends Omit<Member, "launch"> {
  /** Constants and grid of the tiles that cover y, for all splits and matrices. */
  tiles(rows: number, columns: number, stacked: number): Pick<Launch, "grid" | "const">;
}

/** Longest sum in one chain of additions. */
const CHUNK = 512;
/** Threads below which a long sum is split; a device is then far from full. */
const FEW_THREADS = 1024;
/** Shortest range of k worth a partial result of its own. */
const SHORTEST_SPLIT = 256;

/** Number of ranges that k is best split into: 1 unless the result is small and the sum long. */
export function splitsOf(m: number, n: number, k: number, batches = 1): number {
  const threads = batches * ceilDiv(m, 4) * ceilDiv(n, 4);
  const useful = Math.min(ceilDiv(FEW_THREADS, threads), Math.floor(k / SHORTEST_SPLIT), 64);
  return threads >= FEW_THREADS ? 1 : Math.max(1, useful);
}

/** Four subgroups of 16 x 16 results to a workgroup: side by side for a wide result, below each other for a narrow one. */
const quads: TileMember = {
  name: "matmul_quads",
  wgsl: matmulQuadsWgsl,
  when: (target) => target.features.includes("subgroups") && hasQuads(target),
  // Below that most of a workgroup's lanes would have nothing to compute, and single threads are faster.
  suits: ({ m, n }) => m >= 12 && n >= 10 && m * n >= 1024,
  tiles: (rows, columns, stacked) => {
    const across = columns <= 16 ? 1 : rows <= 16 ? 4 : 2;
    const tiles = stacked * ceilDiv(rows, 64 / across) * ceilDiv(columns, 16 * across);
    return { grid: linearGrid(tiles), const: { QUADS_M: 4 / across, QUADS_N: across, TILES: tiles } };
  },
};

/** Tiles of [rows, columns], `depth` of k at a time in workgroup memory, [4·blocksM, 4·blocksN] results to a thread. */
function tiled(
  [tileRows, tileColumns]: readonly [number, number],
  depth: number,
  [blocksM, blocksN]: readonly [number, number],
  fewest: number,
): TileMember {
  const cover = (rows: number, columns: number, stacked: number) =>
    stacked * ceilDiv(rows, tileRows) * ceilDiv(columns, tileColumns);
  return {
    name: `matmul_tiled_${tileRows}x${tileColumns}`,
    wgsl: matmulTiledWgsl,
    suits: ({ m, n, stored: [rows, columns], splits, batches }, target) =>
      hasWorkgroupTiles(target) && m >= 8 && n >= 8 && cover(rows, columns, splits * batches) >= fewest,
    tiles: (rows, columns, stacked) => {
      const tiles = cover(rows, columns, stacked);
      const shape = { TILE_ROWS: tileRows, TILE_COLUMNS: tileColumns, TILE_DEPTH: depth };
      return {
        grid: linearGrid(tiles),
        const: { ...shape, BLOCKS_M: blocksM, BLOCKS_N: blocksN, TILES: tiles },
      };
    },
  };
}

/** Registers only, 4·blocksM rows of 4·blocksN columns a thread. */
function direct(
  name: string,
  terms: Pick<TileMember, "suits" | "quick">,
  blocks: readonly [number, number],
): TileMember {
  const [blocksM, blocksN] = blocks;
  return {
    name,
    wgsl: matmulWgsl,
    ...terms,
    tiles: (rows, columns, stacked) => {
      const threads = stacked * ceilDiv(rows, 4 * blocksM) * ceilDiv(columns, 4 * blocksN);
      return {
        grid: linearGrid(ceilDiv(threads, 64)),
        const: { BLOCKS_M: blocksM, BLOCKS_N: blocksN, THREADS: threads },
      };
    },
  };
}

const size = ({ batches, stored: [rows, columns] }: Required<GemmSizes>) => batches * rows * columns;

/** Best first. Larger tiles load less and compile longer; they pay once there are tiles enough to fill the device. */
const MEMBERS: readonly Member[] = [
  ...[
    quads,
    // A smaller tile where a larger one leaves the processors of a large GPU without work; not yet measured on any.
    tiled([128, 128], 8, [2, 2], 128),
    tiled([128, 64], 8, [2, 2], 128),
    tiled([64, 64], 8, [2, 2], 64),
    tiled([32, 32], 8, [1, 1], 1),
    direct(
      "matmul_8x8",
      { suits: (s) => s.stored[1] > 4 && s.stored[0] > 4 && size(s) >= 64 * FEW_THREADS },
      [2, 2],
    ),
    direct("matmul_4x8", { suits: (s) => s.stored[1] > 4 && size(s) >= 8 * FEW_THREADS }, [1, 2]),
  ].map(withLaunch),
  ...MATRIX_UNITS,
  withLaunch(direct("matmul", { quick: true }, [1, 1])),
];

function withLaunch(member: TileMember): Member {
  return { ...member, launch: (sizes, factors) => launch(sizes, factors, member.tiles) };
}

/** Every kernel that computes the product `op`, best first for an adapter and a size. */
export function gemmKernels<A>({ sizes, factors, hooks, ...terms }: GemmOp<A>): Kernel<"a" | "b", "y", A>[] {
  const full = (context: ChoiceContext<Name, A>) => withDefaults(sizes(context));
  return MEMBERS.map(({ name, wgsl, quick, storesBare, when, suits, launch }) => ({
    name,
    wgsl,
    ...terms,
    ...(hooks && !storesBare && { hooks }),
    ...(quick && { quick }),
    ...(when && { when: (context: ChoiceContext<Name, A>) => when(context.target, full(context)) }),
    ...(suits && { suits: (context: ChoiceContext<Name, A>) => suits(full(context), context.target) }),
    launch: (context) => launch(full(context), factors(context)),
  }));
}

function withDefaults({ m, n, k, batches = 1, splits = 1, stored = [m, n] }: GemmSizes): Required<GemmSizes> {
  return { m, n, k, batches, splits, stored };
}

function launch(
  { m, n, k, batches, splits, stored: [rows, columns] }: Required<GemmSizes>,
  [a, b]: readonly [GemmOperand, GemmOperand],
  tiles: TileMember["tiles"],
): Launch {
  const width = columns % 4 === 0 ? 4 : 1;
  const range = splits > 1 ? 4 * ceilDiv(ceilDiv(k, splits), 4) : Math.max(k, 1);
  const tiling = tiles(rows, columns, splits * batches);
  return {
    grid: tiling.grid,
    const: {
      ...tiling.const,
      M: m,
      N: n,
      K: k,
      K_CHUNK: CHUNK,
      K_SPLIT: range,
      K_EDGE: k % 4 !== 0,
      BATCHES: batches,
      A_WIDTH: a.aligned ? 4 : 1,
      B_WIDTH: b.aligned ? 4 : 1,
      A_STRIDE: a.aligned ? a.stride / 4 : a.stride,
      B_STRIDE: b.aligned ? b.stride / 4 : b.stride,
      A_TRANSPOSED: a.transposed,
      B_TRANSPOSED: b.transposed,
      Y_STRIDE: columns,
      Y_SIZE: rows * columns,
      Y_ROWS: rows,
      Y_COLUMNS: columns,
      WIDTH: width,
    },
    alias: {
      Elem: width === 4 ? "vec4<f32>" : "f32",
      ...(a.aligned && { ElemA: "vec4<f32>" }),
      ...(b.aligned && { ElemB: "vec4<f32>" }),
    },
    hook: {
      ...(width === 4 && { part: "return v;" }),
      ...(a.aligned && { a_load: "return a[i];" }),
      ...(b.aligned && { b_load: "return b[i];" }),
      ...(a.first && { a_matrix: `return ${a.first};` }),
      ...(b.first && { b_matrix: `return ${b.first};` }),
    },
  };
}

/** A factor that lies row-major: [..., rows, columns], its matrices picked by the index z of `batch`. */
export function rowMajorOperand(x: Physical, transposed: boolean, batch: Shape): GemmOperand {
  const columns = x.shape.at(-1)!;
  return {
    transposed,
    stride: columns,
    first: matrixOffset(x.shape, batch),
    aligned: columns % 4 === 0,
  };
}

/** WGSL expression over z of the first element of a broadcast matrix. */
function matrixOffset(shape: Shape, batch: Shape): string {
  const own = shape.slice(0, -2);
  const terms: string[] = [];
  let stride = numel(shape.slice(-2));
  let inner = 1;
  for (let axis = batch.length - 1; axis >= 0; axis--) {
    const size = own[axis - batch.length + own.length] ?? 1;
    if (size > 1) {
      terms.push(`(z / ${inner}u) % ${size}u * ${stride}u`);
      stride *= size;
    }
    inner *= batch[axis]!;
  }
  return terms.join(" + ") || "0u";
}
