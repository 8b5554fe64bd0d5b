enable subgroups;
// matmul_quads — y[z, m, n] = Σ_k a[z, m, k] · b[z, k, n] for a stack of matrices; a may lie as [k, m], b as [n, k].
// For subgroups of four lanes, where a swap between lanes costs far less than a load. A subgroup holds 16
// rows of 16 columns, its lanes 2 x 2, each 8 rows of 8 columns in registers. Per step of four k a lane loads half of
// its rows and half of its columns, 4 x 4 numbers each, and gets the other halves from its neighbours, so that every
// number is loaded once. Own halves come first: the order of the halves differs between lanes until the store.
// A workgroup holds QUADS_M x QUADS_N = 4 subgroups. What a loop depends on derives from the workgroup alone, because
// swaps need uniform control flow. Sums run over chunks of K_CHUNK, so that rounding does not grow with K. With splits,
// workgroups sum their own range of K into y[split, z, m, n]; add_splits adds those.
// Reads past an edge of a or b fall on other elements or are clamped by WebGPU; what they give is masked or not stored.
// Bindings: a, b, y; Elem is the width of a store.
alias Elem = f32;
alias ElemA = f32;
alias ElemB = f32;
const QUADS_M: u32 = 2u;
const QUADS_N: u32 = 2u;
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
// From one step of four k to the next.
const A_STEP: u32 = select(4u / A_WIDTH, 4u * A_STRIDE, A_TRANSPOSED);
const B_STEP: u32 = select(4u * B_STRIDE, 4u / B_WIDTH, B_TRANSPOSED);

const TILES_M: u32 = (Y_ROWS + 16u * QUADS_M - 1u) / (16u * QUADS_M);
const TILES_N: u32 = (Y_COLUMNS + 16u * QUADS_N - 1u) / (16u * QUADS_N);
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

// Four k of one row times four columns: one addition to the sum instead of four, which also rounds less.
fn four_products(a: vec4<f32>, b: mat4x4<f32>) -> vec4<f32> {
  return a.x * b[0] + a.y * b[1] + a.z * b[2] + a.w * b[3];
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

@compute @workgroup_size(16)
fn matmul_quads(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32
) {
  let tile = group.y * groups.x + group.x;
  if (tile >= TILES) {
    return;
  }
  let matrix = tile / (TILES_N * TILES_M);
  let quad = thread / 4u;
  let right = thread & 1u;
  let below = (thread >> 1u) & 1u;
  let row = ((tile / TILES_N) % TILES_M * QUADS_M + quad / QUADS_N) * 16u + below * 8u;
  let column = (tile % TILES_N * QUADS_N + quad % QUADS_N) * 16u + right * 8u;
  let own_row = row + 4u * right;
  let own_column = column + 4u * below;
  let a_first = a_matrix(matrix % BATCHES);
  let b_first = b_matrix(matrix % BATCHES);
  let split = matrix / BATCHES;
  let end = min(K, (split + 1u) * K_SPLIT);
  var total: array<vec4<f32>, 16>;
  for (var chunk = split * K_SPLIT; chunk < end; chunk += K_CHUNK) {
    var sums = array<vec4<f32>, 16>();
    let chunk_end = min(end, chunk + K_CHUNK);
    var at_a = a_index(a_first, own_row, chunk);
    var at_b = b_index(b_first, chunk, own_column);
    for (var k = chunk; k < chunk_end; k += 4u) {
      let own_a = a_block(at_a, k);
      let own_b = b_block(at_b, k);
      at_a += A_STEP;
      at_b += B_STEP;
      var other_b: mat4x4<f32>;
      for (var q = 0u; q < 4u; q++) { // unroll
        other_b[q] = quadSwapY(own_b[q]);
      }
      for (var r = 0u; r < 4u; r++) { // unroll
        let other_a = quadSwapX(own_a[r]);
        sums[2u * r] += four_products(own_a[r], own_b);
        sums[2u * r + 1u] += four_products(own_a[r], other_b);
        sums[2u * r + 8u] += four_products(other_a, own_b);
        sums[2u * r + 9u] += four_products(other_a, other_b);
      }
    }
    for (var t = 0u; t < 16u; t++) { // unroll
      total[t] += sums[t];
    }
  }
  let other_row = row + 4u - 4u * right;
  let other_column = column + 4u - 4u * below;
  for (var r = 0u; r < 4u; r++) { // unroll
    store(total[2u * r], matrix, own_row + r, own_column);
    store(total[2u * r + 1u], matrix, own_row + r, other_column);
    store(total[2u * r + 8u], matrix, other_row + r, own_column);
    store(total[2u * r + 9u], matrix, other_row + r, other_column);
  }
}
