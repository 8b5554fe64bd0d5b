// winograd_output_gradient — dm = A dy Aᵀ: the adjoint of the output transform of F(4×4, 3×3). Pixels of a tile beyond
// the image count as 0. One thread transforms one tile of one vec4 of channels.
// Bindings: dy [N,P,Q,K/4]; dm [36, N·TILE_H·TILE_W, K/4].
// Source: transpose of the output transform, Lavin and Gray 2016 (arXiv:1509.09308) §4.2.
const COUNT: u32 = 1u; // tiles × vec4s
const P: u32 = 1u;
const Q: u32 = 1u;
const K4: u32 = 1u;
const TILE_H: u32 = 1u; // tiles in a column of an image
const TILE_W: u32 = 1u; // tiles in a row

@group(0) @binding(0) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dm: array<vec4<f32>>;

// Hook: vec4 i of dy, of channels 4c to 4c+3.
fn a_load(i: u32, c: u32) -> vec4<f32> { return dy[i]; }

@compute @workgroup_size(64)
fn winograd_output_gradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let c = i % K4;
  let tile = i / K4;
  let image = tile / (TILE_H * TILE_W) * (P * Q);
  let top = tile / TILE_W % TILE_H * 4u;
  let left = tile % TILE_W * 4u;
  var d: array<vec4<f32>, 24>;
  for (var s = 0u; s < 4u; s++) { // unroll
    let column = min(left + s, Q - 1u);
    for (var r = 0u; r < 4u; r++) { // unroll
      let at = (image + min(top + r, P - 1u) * Q + column) * K4 + c;
      d[r * 4u + s] = select(vec4<f32>(), a_load(at, c), top + r < P && left + s < Q);
    }
    let e = d[s] + d[8u + s];
    let f = d[4u + s] + d[12u + s];
    let g = d[s] + 4.0 * d[8u + s];
    let h = 2.0 * d[4u + s] + 8.0 * d[12u + s];
    d[20u + s] = d[12u + s];
    d[4u + s] = e + f;
    d[8u + s] = e - f;
    d[12u + s] = g + h;
    d[16u + s] = g - h;
  }
  for (var r = 0u; r < 6u; r++) { // unroll
    let e = d[r * 4u] + d[r * 4u + 2u];
    let f = d[r * 4u + 1u] + d[r * 4u + 3u];
    let g = d[r * 4u] + 4.0 * d[r * 4u + 2u];
    let h = 2.0 * d[r * 4u + 1u] + 8.0 * d[r * 4u + 3u];
    dm[(r * 6u + 0u) * COUNT + i] = d[r * 4u];
    dm[(r * 6u + 1u) * COUNT + i] = e + f;
    dm[(r * 6u + 2u) * COUNT + i] = e - f;
    dm[(r * 6u + 3u) * COUNT + i] = g + h;
    dm[(r * 6u + 4u) * COUNT + i] = g - h;
    dm[(r * 6u + 5u) * COUNT + i] = d[r * 4u + 3u];
  }
}
