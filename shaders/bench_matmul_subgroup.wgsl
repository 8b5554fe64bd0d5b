enable subgroups;
// bench_matmul_subgroup — y[m, n] = Σ_k a[m, k] · b[k, n]; four lanes load eight rows of a together and broadcast them.
// One lane holds 8 rows of 8 columns; the four lanes of a subgroup take neighbouring columns of the same rows. For
// adapters whose subgroups are four wide. M and N are multiples of 8 and 32, K of 4, workgroups hold two subgroups.
// Bindings: a, b, y.
const N: u32 = 32u;
const K: u32 = 4u;

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(8)
fn bench_matmul_subgroup(@builtin(global_invocation_id) id: vec3u) {
  let lane = id.x % 4u;
  let column = (id.x % (N / 8u)) * 2u;
  let row = (id.x / (N / 8u)) * 8u;
  var sums: array<vec4<f32>, 16>;
  for (var k = 0u; k < K; k += 4u) {
    let upper = a[((row + lane) * K + k) / 4u];
    let lower = a[((row + 4u + lane) * K + k) / 4u];
    var rows: array<vec4<f32>, 8>;
    for (var r = 0u; r < 4u; r++) { // unroll
      rows[r] = subgroupBroadcast(upper, r);
      rows[4u + r] = subgroupBroadcast(lower, r);
    }
    for (var j = 0u; j < 4u; j++) { // unroll
      let left = b[(k + j) * (N / 4u) + column];
      let right = b[(k + j) * (N / 4u) + column + 1u];
      for (var r = 0u; r < 8u; r++) { // unroll
        sums[2u * r] += rows[r][j] * left;
        sums[2u * r + 1u] += rows[r][j] * right;
      }
    }
  }
  for (var r = 0u; r < 8u; r++) { // unroll
    y[(row + r) * (N / 4u) + column] = sums[2u * r];
    y[(row + r) * (N / 4u) + column + 1u] = sums[2u * r + 1u];
  }
}
