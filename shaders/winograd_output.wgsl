// winograd_output — y = Aᵀ m A: 4×4 tiles of the output of a 3×3 convolution from their 36 products (F(4×4, 3×3)).
// One thread transforms one tile of one vec4 of channels; neighbouring threads take neighbouring channels.
// Bindings: m [36, N·TILE_H·TILE_W, K/4]; y [N,P,Q,K/4].
// Source: Lavin and Gray 2016 (arXiv:1509.09308) §4.2, points 0, ±1, ±2.
alias Elem = vec4<f32>;
const COUNT: u32 = 1u; // tiles × vec4s
const P: u32 = 1u;
const Q: u32 = 1u;
const K4: u32 = 1u;
const TILE_H: u32 = 1u; // tiles in a column of an image
const TILE_W: u32 = 1u; // tiles in a row

@group(0) @binding(0) var<storage, read> m: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

// Fusion hook: v is about to be stored as vec4 i of y, of channels 4c to 4c+3.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

@compute @workgroup_size(64)
fn winograd_output(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
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
  for (var s = 0u; s < 6u; s++) { // unroll
    let d0 = m[s * COUNT + i];
    let d1 = m[(6u + s) * COUNT + i];
    let d2 = m[(12u + s) * COUNT + i];
    let d3 = m[(18u + s) * COUNT + i];
    let d4 = m[(24u + s) * COUNT + i];
    let d5 = m[(30u + s) * COUNT + i];
    let e = d1 + d2;
    let f = d1 - d2;
    let g = d3 + d4;
    let h = d3 - d4;
    d[s] = d0 + e + g;
    d[6u + s] = f + 2.0 * h;
    d[12u + s] = e + 4.0 * g;
    d[18u + s] = f + 8.0 * h + d5;
  }
  for (var r = 0u; r < 4u; r++) { // unroll
    if (top + r < P) {
      let e = d[r * 6u + 1u] + d[r * 6u + 2u];
      let f = d[r * 6u + 1u] - d[r * 6u + 2u];
      let g = d[r * 6u + 3u] + d[r * 6u + 4u];
      let h = d[r * 6u + 3u] - d[r * 6u + 4u];
      let at = (image + (top + r) * Q + left) * K4 + c;
      y[at] = epilogue(d[r * 6u] + e + g, at, c);
      if (left + 1u < Q) {
        y[at + K4] = epilogue(f + 2.0 * h, at + K4, c);
      }
      if (left + 2u < Q) {
        y[at + 2u * K4] = epilogue(e + 4.0 * g, at + 2u * K4, c);
      }
      if (left + 3u < Q) {
        y[at + 3u * K4] = epilogue(f + 8.0 * h + d[r * 6u + 5u], at + 3u * K4, c);
      }
    }
  }
}
