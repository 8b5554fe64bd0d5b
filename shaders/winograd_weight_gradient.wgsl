// winograd_weight_gradient — dweight = Gᵀ (Σ_s du[s]) G: the adjoint of the kernel transform of F(4×4, 3×3), the
// copies of du added in their order. One thread transforms one input channel and one vec4 of output channels.
// Bindings: du [SPLITS, 36, C, K/4]; dweight [3,3,C,K/4].
// Source: transpose of the kernel transform, Lavin and Gray 2016 (arXiv:1509.09308) §4.2.
const COUNT: u32 = 1u; // C × vec4s of K
const SPLITS: u32 = 1u;

@group(0) @binding(0) var<storage, read> du: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dweight: array<vec4<f32>>;

@compute @workgroup_size(64)
fn winograd_weight_gradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  var d: array<vec4<f32>, 36>;
  for (var split = 0u; split < SPLITS; split++) {
    for (var a = 0u; a < 36u; a++) { // unroll
      d[a] += du[(split * 36u + a) * COUNT + i];
    }
  }
  for (var s = 0u; s < 6u; s++) { // unroll
    let e = (d[6u + s] + d[12u + s]) / -6.0;
    let f = d[18u + s] + d[24u + s];
    d[6u + s] = (d[12u + s] - d[6u + s]) / 6.0 + (d[18u + s] - d[24u + s]) / 12.0;
    d[s] = 0.25 * d[s] + e + f / 24.0;
    d[12u + s] = e + f / 6.0 + d[30u + s];
  }
  for (var r = 0u; r < 3u; r++) { // unroll
    let e = (d[r * 6u + 1u] + d[r * 6u + 2u]) / -6.0;
    let f = d[r * 6u + 3u] + d[r * 6u + 4u];
    let g = (d[r * 6u + 2u] - d[r * 6u + 1u]) / 6.0 + (d[r * 6u + 3u] - d[r * 6u + 4u]) / 12.0;
    dweight[(r * 3u + 0u) * COUNT + i] = 0.25 * d[r * 6u] + e + f / 24.0;
    dweight[(r * 3u + 1u) * COUNT + i] = g;
    dweight[(r * 3u + 2u) * COUNT + i] = e + f / 6.0 + d[r * 6u + 5u];
  }
}
