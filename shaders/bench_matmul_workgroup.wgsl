// bench_matmul_workgroup — y[m, n] = Σ_k a[m, k] · b[k, n] by tiles in workgroup memory, the classic form for GPUs.
// A workgroup of 16×16 threads makes a tile of 16·THREAD_M rows and 64·THREAD_N columns, TILE_K of k at a time; a
// thread holds THREAD_M rows, 16 apart, of THREAD_N vectors of columns, 16 apart. M, N and K are multiples of the tile.
// Bindings: a, b, y.
const THREAD_M: u32 = 4u;
const THREAD_N: u32 = 1u;
const TILE_K: u32 = 8u;
const N: u32 = 64u;
const K: u32 = 8u;

const TILE_M: u32 = 16u * THREAD_M;
const TILE_VECTORS: u32 = 16u * THREAD_N;

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

// Columns of a, so that the threads of a row of the workgroup read one number together.
var<workgroup> a_tile: array<f32, TILE_K * TILE_M>;
var<workgroup> b_tile: array<vec4<f32>, TILE_K * TILE_VECTORS>;

@compute @workgroup_size(16, 16)
fn bench_matmul_workgroup(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32
) {
  let row = group.y * TILE_M;
  let column = group.x * TILE_VECTORS;
  var sums: array<vec4<f32>, THREAD_M * THREAD_N>;
  for (var k = 0u; k < K; k += TILE_K) {
    for (var i = index; i < TILE_M * TILE_K / 4u; i += 256u) {
      let r = i / (TILE_K / 4u);
      let part = i % (TILE_K / 4u);
      let v = a[(row + r) * (K / 4u) + k / 4u + part];
      a_tile[(4u * part) * TILE_M + r] = v.x;
      a_tile[(4u * part + 1u) * TILE_M + r] = v.y;
      a_tile[(4u * part + 2u) * TILE_M + r] = v.z;
      a_tile[(4u * part + 3u) * TILE_M + r] = v.w;
    }
    for (var i = index; i < TILE_K * TILE_VECTORS; i += 256u) {
      b_tile[i] = b[(k + i / TILE_VECTORS) * (N / 4u) + column + i % TILE_VECTORS];
    }
    workgroupBarrier();
    for (var j = 0u; j < TILE_K; j++) {
      var columns: array<vec4<f32>, THREAD_N>;
      for (var c = 0u; c < THREAD_N; c++) { // unroll
        columns[c] = b_tile[j * TILE_VECTORS + thread.x + 16u * c];
      }
      for (var r = 0u; r < THREAD_M; r++) { // unroll
        let factor = a_tile[j * TILE_M + thread.y + 16u * r];
        for (var c = 0u; c < THREAD_N; c++) { // unroll
          sums[r * THREAD_N + c] += factor * columns[c];
        }
      }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < THREAD_M; r++) { // unroll
    for (var c = 0u; c < THREAD_N; c++) { // unroll
      y[(row + thread.y + 16u * r) * (N / 4u) + column + thread.x + 16u * c] = sums[r * THREAD_N + c];
    }
  }
}
