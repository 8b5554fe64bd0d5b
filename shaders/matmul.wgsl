// matmul — y[z, m, n] = Σ_k a[z, m, k] · b[z, k, n] for a stack of matrices; a may lie as [k, m], b as [n, k].
// One thread holds 4·BLOCKS_M rows of 4·BLOCKS_N columns in registers and takes four k at a time; neighbouring threads
// take neighbouring columns. Sums run over chunks of K_CHUNK, so that rounding does not grow with K. With SPLITS > 1,
// groups of threads sum their own range of K into y[split, z, m, n]; add_splits adds those.
// Reads past an edge of a or b fall on other elements or are clamped by WebGPU; what they give is masked or not stored.
// Bindings: a, b, y; Elem is the width of a store.
alias Elem = f32;
alias ElemA = f32;
alias ElemB = f32;
const BLOCKS_M: u32 = 1u;
const BLOCKS_N: u32 = 1u;
const M: u32 = 1u;
const N: u32 = 1u;
const K: u32 = 1u;
const K_CHUNK: u32 = 512u;
const K_SPLIT: u32 = 512u;
const BATCHES: u32 = 1u;
const THREADS: u32 = 1u;
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

const ROWS: u32 = 4u * BLOCKS_M;
const COLUMNS: u32 = 4u * BLOCKS_N;
const TILES_M: u32 = (Y_ROWS + ROWS - 1u) / ROWS;
const TILES_N: u32 = (Y_COLUMNS + COLUMNS - 1u) / COLUMNS;
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

@compute @workgroup_size(64)
fn matmul(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let thread = id.y * groups.x * 64u + id.x;
  if (thread >= THREADS) {
    return;
  }
  let column = (thread % TILES_N) * COLUMNS;
  let row = ((thread / TILES_N) % TILES_M) * ROWS;
  let matrix = thread / (TILES_N * TILES_M);
  let split = matrix / BATCHES;
  let a_first = a_matrix(matrix % BATCHES);
  let b_first = b_matrix(matrix % BATCHES);
  let end = min(K, (split + 1u) * K_SPLIT);
  var total: array<vec4<f32>, ROWS * BLOCKS_N>;
  for (var chunk = split * K_SPLIT; chunk < end; chunk += K_CHUNK) {
    var sums = array<vec4<f32>, ROWS * BLOCKS_N>();
    let chunk_end = min(end, chunk + K_CHUNK);
    for (var k = chunk; k < chunk_end; k += 4u) {
      var a_rows: array<vec4<f32>, ROWS>;
      for (var quad = 0u; quad < BLOCKS_M; quad++) { // unroll
        let part_a = a_block(a_index(a_first, row + 4u * quad, k), k);
        for (var r = 0u; r < 4u; r++) { // unroll
          a_rows[4u * quad + r] = part_a[r];
        }
      }
      for (var quad = 0u; quad < BLOCKS_N; quad++) { // unroll
        let part_b = b_block(b_index(b_first, k, column + 4u * quad), k);
        for (var r = 0u; r < ROWS; r++) { // unroll
          var sum = sums[r * BLOCKS_N + quad];
          sum += a_rows[r].x * part_b[0];
          sum += a_rows[r].y * part_b[1];
          sum += a_rows[r].z * part_b[2];
          sum += a_rows[r].w * part_b[3];
          sums[r * BLOCKS_N + quad] = sum;
        }
      }
    }
    for (var t = 0u; t < ROWS * BLOCKS_N; t++) { // unroll
      total[t] += sums[t];
    }
  }
  for (var r = 0u; r < ROWS; r++) { // unroll
    for (var quad = 0u; quad < BLOCKS_N; quad++) { // unroll
      store(total[r * BLOCKS_N + quad], matrix, row + r, column + 4u * quad);
    }
  }
}
