enable chromium_experimental_subgroup_matrix;
// matmul_subgroup_matrix — y[z, m, n] = Σ_k a[z, m, k] · b[z, k, n] on the matrix units of a GPU, 8 x 8 x 8 in f32.
// Experimental: written against a draft, run on no adapter yet. It is taken only where the tuner has compiled it, found
// its results those of the plain kernel, and its time the least.
// One subgroup, which is a workgroup, holds 16 rows of 16 columns of y. M and N are multiples of 16, K of 8.
// Bindings: a [z, m, k] or [z, k, m], b [z, k, n] or [z, n, k], y.
// Source: proposal "Subgroup Matrix" of the WebGPU group.
alias Left = subgroup_matrix_left<f32, 8, 8>;
alias Right = subgroup_matrix_right<f32, 8, 8>;
alias Result = subgroup_matrix_result<f32, 8, 8>;
const M: u32 = 16u;
const N: u32 = 16u;
const K: u32 = 8u;
const TILES: u32 = 1u;
const A_STRIDE: u32 = 8u;
const B_STRIDE: u32 = 16u;
const A_TRANSPOSED: bool = false;
const B_TRANSPOSED: bool = false;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// Hook: first element of matrix z of a.
fn a_matrix(z: u32) -> u32 { return 0u; }
// Hook: first element of matrix z of b.
fn b_matrix(z: u32) -> u32 { return 0u; }

// Index in a of row m at k.
fn a_at(m: u32, k: u32) -> u32 {
  return select(m * A_STRIDE + k, k * A_STRIDE + m, A_TRANSPOSED);
}

// Index in b of column n at k.
fn b_at(k: u32, n: u32) -> u32 {
  return select(k * B_STRIDE + n, n * B_STRIDE + k, B_TRANSPOSED);
}

// Hook: 8 rows of 8 k of a, from index i on. The draft has moved: an argument says which way it lies, or a template's.
fn a_block(i: u32) -> Left { return subgroupMatrixLoad<Left>(&a, i, A_TRANSPOSED, A_STRIDE); }
// Hook: 8 k of 8 columns of b, from index i on.
fn b_block(i: u32) -> Right { return subgroupMatrixLoad<Right>(&b, i, B_TRANSPOSED, B_STRIDE); }
// Hook: stores 8 rows of 8 columns of y, from index i on.
fn store(i: u32, v: Result) { subgroupMatrixStore(&y, i, v, false, N); }

@compute @workgroup_size(32)
fn matmul_subgroup_matrix(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let tile = id.y * groups.x + id.x;
  if (tile >= TILES) {
    return;
  }
  let n = tile % (N / 16u) * 16u;
  let m = tile / (N / 16u) % (M / 16u) * 16u;
  let z = tile / (N / 16u * (M / 16u));
  let a_first = a_matrix(z);
  let b_first = b_matrix(z);
  var y00 = Result();
  var y01 = Result();
  var y10 = Result();
  var y11 = Result();
  for (var k = 0u; k < K; k += 8u) {
    let upper = a_block(a_first + a_at(m, k));
    let lower = a_block(a_first + a_at(m + 8u, k));
    let left = b_block(b_first + b_at(k, n));
    let right = b_block(b_first + b_at(k, n + 8u));
    y00 = subgroupMatrixMultiplyAccumulate(upper, left, y00);
    y01 = subgroupMatrixMultiplyAccumulate(upper, right, y01);
    y10 = subgroupMatrixMultiplyAccumulate(lower, left, y10);
    y11 = subgroupMatrixMultiplyAccumulate(lower, right, y11);
  }
  let first = (z * M + m) * N + n;
  store(first, y00);
  store(first + 8u, y01);
  store(first + 8u * N, y10);
  store(first + 8u * N + 8u, y11);
}
