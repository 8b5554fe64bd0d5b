// matmul_tiled — y[z, m, n] = Σ_k a[z, m, k] · b[z, k, n] for a stack of matrices; a may lie as [k, m], b as [n, k].
// A workgroup computes TILE_ROWS x TILE_COLUMNS results. It copies TILE_DEPTH k of its rows and columns to workgroup
// memory, both with k slowest, and a thread multiplies 4·BLOCKS_M rows by 4·BLOCKS_N columns from there. A thread's
// blocks of four lie a whole row of threads apart, so that neighbours read and store neighbouring vec4s. What is copied
// next is read into registers before the products of the current step, which hide the wait. Rows of the copy of a are
// one vec4 longer than the tile: threads that copy neighbouring k would otherwise meet in the same banks.
// Sums run over chunks of K_CHUNK, so that rounding does not grow with K. With splits, workgroups sum their own range
// of K into y[split, z, m, n]; add_splits adds those.
// Reads past an edge of a or b fall on other elements or are clamped by WebGPU: what they give is masked or not stored.
// Bindings: a, b, y; Elem is the width of a store.
alias Elem = f32;
alias ElemA = f32;
alias ElemB = f32;
const TILE_ROWS: u32 = 32u;
const TILE_COLUMNS: u32 = 32u;
const TILE_DEPTH: u32 = 16u;
const BLOCKS_M: u32 = 1u;
const BLOCKS_N: u32 = 1u;
const M: u32 = 1u;
const N: u32 = 1u;
const K: u32 = 1u;
const K_CHUNK: u32 = 512u;
const K_SPLIT: u32 = 512u;
const BATCHES: u32 = 1u;
// Workgroups that have a tile.
const TILES: u32 = 1u;
// Elements of a and b in one ElemA and ElemB, and these between neighbours along the slower axis.
const A_WIDTH: u32 = 1u;
const B_WIDTH: u32 = 1u;
const A_STRIDE: u32 = 1u;
const B_STRIDE: u32 = 1u;
// Elements between rows of y, between its matrices, and in one Elem.
const Y_STRIDE: u32 = 1u;
const Y_SIZE: u32 = 1u;
const WIDTH: u32 = 1u;
// Rows and columns stored: M and N, or more where y is padded with zeros.
const Y_ROWS: u32 = 1u;
const Y_COLUMNS: u32 = 1u;
const A_TRANSPOSED: bool = false;
const B_TRANSPOSED: bool = false;
const K_EDGE: bool = true;


const THREADS_M: u32 = TILE_ROWS / (4u * BLOCKS_M);
const THREADS_N: u32 = TILE_COLUMNS / (4u * BLOCKS_N);
const THREADS: u32 = THREADS_M * THREADS_N;
const TILES_M: u32 = (Y_ROWS + TILE_ROWS - 1u) / TILE_ROWS;
const TILES_N: u32 = (Y_COLUMNS + TILE_COLUMNS - 1u) / TILE_COLUMNS;
// Pieces of 4 x 4 that a step copies, of a and of both, and those of one thread.
const DEPTH_QUADS: u32 = TILE_DEPTH / 4u;
const A_PIECES: u32 = TILE_ROWS / 4u * DEPTH_QUADS;
const PIECES: u32 = A_PIECES + TILE_COLUMNS / 4u * DEPTH_QUADS;
const COPIES: u32 = (PIECES + THREADS - 1u) / THREADS;
const A_ROW: u32 = TILE_ROWS / 4u + 1u;
const B_ROW: u32 = TILE_COLUMNS / 4u;
const SUMS: u32 = 4u * BLOCKS_M * BLOCKS_N;
const CHUNKED: bool = K_SPLIT > K_CHUNK;
const PADDED: bool = Y_ROWS > M || Y_COLUMNS > N;

@group(0) @binding(0) var<storage, read> a: array<ElemA>;
@group(0) @binding(1) var<storage, read> b: array<ElemB>;
@group(0) @binding(2) var<storage, read_write> y: array<Elem>;

// Hook: first element of matrix z of a.
fn a_matrix(z: u32) -> u32 { return 0u; }
// Hook: first element of matrix z of b.
fn b_matrix(z: u32) -> u32 { return 0u; }
// Hook: four neighbours of a, from index i on.
fn a_load(i: u32) -> vec4<f32> { return vec4<f32>(a[i], a[i + 1u], a[i + 2u], a[i + 3u]); }
// Hook: four neighbours of b, from index i on.
fn b_load(i: u32) -> vec4<f32> { return vec4<f32>(b[i], b[i + 1u], b[i + 2u], b[i + 3u]); }
// Fusion hook: v = value about to be stored, i = its index in y, c = its column, both in Elems.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }
// Hook: part `at` of four columns, as wide as a store.
fn part(v: vec4<f32>, at: u32) -> Elem { return v[at]; }

// Four numbers of one k, or zeros beyond the last.
fn if_inside(v: vec4<f32>, k: u32) -> vec4<f32> {
  if (!K_EDGE) {
    return v;
  }
  return select(vec4<f32>(0.0), v, k < K);
}

// The numbers of k, k + 1, k + 2, k + 3, zeros beyond the last.
fn inside_lanes(v: vec4<f32>, k: u32) -> vec4<f32> {
  if (!K_EDGE) {
    return v;
  }
  return select(vec4<f32>(0.0), v, vec4<u32>(k) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(K));
}

// Index in a of the first of four rows at k.
fn a_index(matrix: u32, row: u32, k: u32) -> u32 {
  if (A_TRANSPOSED) {
    return matrix / A_WIDTH + k * A_STRIDE + row / A_WIDTH;
  }
  return matrix / A_WIDTH + row * A_STRIDE + k / A_WIDTH;
}

// Index in b of the first of four columns at k.
fn b_index(matrix: u32, k: u32, column: u32) -> u32 {
  if (B_TRANSPOSED) {
    return matrix / B_WIDTH + column * B_STRIDE + k / B_WIDTH;
  }
  return matrix / B_WIDTH + k * B_STRIDE + column / B_WIDTH;
}

// Four rows of a from index i on: column r of the result is row r, with k, k + 1, k + 2, k + 3.
fn a_block(i: u32, k: u32) -> mat4x4<f32> {
  if (A_TRANSPOSED) {
    return transpose(mat4x4<f32>(
      if_inside(a_load(i), k),
      if_inside(a_load(i + A_STRIDE), k + 1u),
      if_inside(a_load(i + 2u * A_STRIDE), k + 2u),
      if_inside(a_load(i + 3u * A_STRIDE), k + 3u)
    ));
  }
  return mat4x4<f32>(
    inside_lanes(a_load(i), k),
    inside_lanes(a_load(i + A_STRIDE), k),
    inside_lanes(a_load(i + 2u * A_STRIDE), k),
    inside_lanes(a_load(i + 3u * A_STRIDE), k)
  );
}

// Four columns of b from index i on: column q of the result is k + q.
fn b_block(i: u32, k: u32) -> mat4x4<f32> {
  if (B_TRANSPOSED) {
    return transpose(mat4x4<f32>(
      inside_lanes(b_load(i), k),
      inside_lanes(b_load(i + B_STRIDE), k),
      inside_lanes(b_load(i + 2u * B_STRIDE), k),
      inside_lanes(b_load(i + 3u * B_STRIDE), k)
    ));
  }
  return mat4x4<f32>(
    if_inside(b_load(i), k),
    if_inside(b_load(i + B_STRIDE), k + 1u),
    if_inside(b_load(i + 2u * B_STRIDE), k + 2u),
    if_inside(b_load(i + 3u * B_STRIDE), k + 3u)
  );
}

// Stores four columns of one row.
fn store(v: vec4<f32>, matrix: u32, row: u32, column: u32) {
  var kept = v;
  if (PADDED) {
    let inside = vec4<bool>(row < M) & (vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(N));
    kept = select(vec4<f32>(0.0), v, inside);
  }
  for (var at = 0u; at < 4u / WIDTH; at++) {
    if (row < Y_ROWS && column + at * WIDTH < Y_COLUMNS) {
      let i = (matrix * Y_SIZE + row * Y_STRIDE + column) / WIDTH + at;
      y[i] = epilogue(part(kept, at), i, column / WIDTH + at);
    }
  }
}

var<workgroup> a_tile: array<vec4<f32>, TILE_DEPTH * A_ROW>;
var<workgroup> b_tile: array<vec4<f32>, TILE_DEPTH * B_ROW>;

// Place of a piece that is copied: (quad of rows or columns, quad of k), neighbours in memory side by side.
fn place(piece: u32) -> vec2<u32> {
  if (piece < A_PIECES) {
    if (A_TRANSPOSED) {
      return vec2<u32>(piece % (TILE_ROWS / 4u), piece / (TILE_ROWS / 4u));
    }
    return vec2<u32>(piece / DEPTH_QUADS, piece % DEPTH_QUADS);
  }
  let of_b = piece - A_PIECES;
  if (B_TRANSPOSED) {
    return vec2<u32>(of_b / DEPTH_QUADS, of_b % DEPTH_QUADS);
  }
  return vec2<u32>(of_b % B_ROW, of_b / B_ROW);
}

// A piece of a or b for the step that starts at k, its columns one k each; zeros from `end` on.
fn fetch(piece: u32, a_first: u32, b_first: u32, row: u32, column: u32, k: u32, end: u32) -> mat4x4<f32> {
  let at = place(piece);
  let start = k + 4u * at.y;
  if (piece >= PIECES || start >= end) {
    return mat4x4<f32>();
  }
  if (piece < A_PIECES) {
    return transpose(a_block(a_index(a_first, row + 4u * at.x, start), start));
  }
  return b_block(b_index(b_first, start, column + 4u * at.x), start);
}

// Puts a piece in its place in workgroup memory.
fn keep(piece: u32, v: mat4x4<f32>) {
  let at = place(piece);
  if (piece < A_PIECES) {
    for (var q = 0u; q < 4u; q++) { // unroll
      a_tile[(4u * at.y + q) * A_ROW + at.x] = v[q];
    }
  } else if (piece < PIECES) {
    for (var q = 0u; q < 4u; q++) { // unroll
      b_tile[(4u * at.y + q) * B_ROW + at.x] = v[q];
    }
  }
}

@compute @workgroup_size(THREADS)
fn matmul_tiled(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32
) {
  let tile = group.y * groups.x + group.x;
  if (tile >= TILES) {
    return;
  }
  let matrix = tile / (TILES_N * TILES_M);
  let row = (tile / TILES_N) % TILES_M * TILE_ROWS;
  let column = tile % TILES_N * TILE_COLUMNS;
  let left = thread % THREADS_N;
  let top = thread / THREADS_N;
  let a_first = a_matrix(matrix % BATCHES);
  let b_first = b_matrix(matrix % BATCHES);
  let first = matrix / BATCHES * K_SPLIT;
  let end = min(K, first + K_SPLIT);
  var next = array<mat4x4<f32>, COPIES>();
  for (var c = 0u; c < COPIES; c++) { // unroll
    next[c] = fetch(thread + c * THREADS, a_first, b_first, row, column, first, end);
  }
  var total = array<vec4<f32>, SUMS>();
  var sums = array<vec4<f32>, SUMS>();
  for (var k = first; k < end; k += TILE_DEPTH) {
    workgroupBarrier();
    for (var c = 0u; c < COPIES; c++) { // unroll
      keep(thread + c * THREADS, next[c]);
    }
    workgroupBarrier();
    for (var c = 0u; c < COPIES; c++) { // unroll
      next[c] = fetch(thread + c * THREADS, a_first, b_first, row, column, k + TILE_DEPTH, end);
    }
    for (var d = 0u; d < TILE_DEPTH; d++) {
      var b_quads: array<vec4<f32>, BLOCKS_N>;
      for (var j = 0u; j < BLOCKS_N; j++) { // unroll
        b_quads[j] = b_tile[d * B_ROW + left + j * THREADS_N];
      }
      for (var i = 0u; i < BLOCKS_M; i++) { // unroll
        let a_quad = a_tile[d * A_ROW + top + i * THREADS_M];
        for (var r = 0u; r < 4u; r++) { // unroll
          for (var j = 0u; j < BLOCKS_N; j++) { // unroll
            sums[(4u * i + r) * BLOCKS_N + j] += a_quad[r] * b_quads[j];
          }
        }
      }
    }
    if (CHUNKED && (k + TILE_DEPTH - first) % K_CHUNK == 0u) {
      for (var t = 0u; t < SUMS; t++) { // unroll
        total[t] += sums[t];
        sums[t] = vec4<f32>(0.0);
      }
    }
  }
  for (var i = 0u; i < BLOCKS_M; i++) { // unroll
    for (var r = 0u; r < 4u; r++) { // unroll
      for (var j = 0u; j < BLOCKS_N; j++) { // unroll
        let t = (4u * i + r) * BLOCKS_N + j;
        let at_row = row + 4u * (top + i * THREADS_M) + r;
        store(total[t] + sums[t], matrix, at_row, column + 4u * (left + j * THREADS_N));
      }
    }
  }
}
