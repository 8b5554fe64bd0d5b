// bench_matmul_direct — y[m, n] = Σ_k a[m, k] · b[k, n] by register tiles alone, the plain way to write a fast product.
// One thread holds ROWS rows of 8 columns and takes four k at a time; M is a multiple of ROWS, N of 8, K of 4, and the
// number of tiles of 32: the yardstick has no edges.
// Bindings: a, b, y.
const ROWS: u32 = 8u;
const N: u32 = 8u;
const K: u32 = 4u;

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(32)
fn bench_matmul_direct(@builtin(global_invocation_id) id: vec3u) {
  let column = (id.x % (N / 8u)) * 2u;
  let row = (id.x / (N / 8u)) * ROWS;
  var sums: array<vec4<f32>, 2u * ROWS>;
  for (var k = 0u; k < K; k += 4u) {
    var rows: array<vec4<f32>, ROWS>;
    for (var r = 0u; r < ROWS; r++) { // unroll
      rows[r] = a[((row + r) * K + k) / 4u];
    }
    for (var j = 0u; j < 4u; j++) { // unroll
      let left = b[(k + j) * (N / 4u) + column];
      let right = b[(k + j) * (N / 4u) + column + 1u];
      for (var r = 0u; r < ROWS; r++) { // unroll
        sums[2u * r] += rows[r][j] * left;
        sums[2u * r + 1u] += rows[r][j] * right;
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // unroll
    y[(row + r) * (N / 4u) + column] = sums[2u * r];
    y[(row + r) * (N / 4u) + column + 1u] = sums[2u * r + 1u];
  }
}
