import matmulWgsl from "../../shaders/matmul.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import type { Physical } from "../core/layout.ts";
import { ceilDiv, numel, type Shape } from "../core/shape.ts";
import type { Launch } from "../graph/define.ts";

/** The text of the matrix product, for every op that runs it with its own operands named a, b and y. */
export const GEMM_WGSL: string = matmulWgsl;

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

/** A product of (stacks of) matrices: sizes, where the factors lie, how much of the result is stored. */
export interface Gemm {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batches?: number;
  /** Ranges into which k is split. */
  readonly splits?: number;
  readonly a: GemmOperand;
  readonly b: GemmOperand;
  /** Stored rows and columns where y is padded with zeros; m and n where absent. */
  readonly stored?: readonly [rows: number, columns: number];
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

/** Specialisation and grid of a product. */
export function gemmLaunch({ m, n, k, batches = 1, splits = 1, a, b, stored = [m, n] }: Gemm): Launch {
  const [rows, columns] = stored;
  // Larger tiles load less and compile longer; they pay once there are threads enough.
  const size = batches * rows * columns;
  const blocksN = columns > 4 && size >= 8 * FEW_THREADS ? 2 : 1;
  const blocksM = rows > 4 && size >= 64 * FEW_THREADS ? 2 : 1;
  const width = columns % 4 === 0 ? 4 : 1;
  const threads = splits * batches * ceilDiv(rows, 4 * blocksM) * ceilDiv(columns, 4 * blocksN);
  const range = splits > 1 ? 4 * ceilDiv(ceilDiv(k, splits), 4) : Math.max(k, 1);
  return {
    grid: linearGrid(ceilDiv(threads, 64)),
    const: {
      BLOCKS_M: blocksM,
      BLOCKS_N: blocksN,
      M: m,
      N: n,
      K: k,
      K_CHUNK: CHUNK,
      K_SPLIT: range,
      K_EDGE: k % 4 !== 0,
      BATCHES: batches,
      THREADS: threads,
      A_STRIDE: a.stride,
      B_STRIDE: b.stride,
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
      ...(a.aligned && { a_load: "return a[i / 4u];" }),
      ...(b.aligned && { b_load: "return b[i / 4u];" }),
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
