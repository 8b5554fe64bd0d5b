// winograd_input — v = Bᵀ d B: the 6×6 windows of an image that lie under 4×4 tiles of the output of a 3×3
// convolution, ready for F(4×4, 3×3). Windows overlap by two pixels; outside the image they hold 0.
// One thread transforms one window of one vec4 of channels; neighbouring threads take neighbouring channels.
// Bindings: x [N,H,W,C/4]; v [36, N·TILE_H·TILE_W, C/4].
// Source: Lavin and Gray 2016 (arXiv:1509.09308) §4.2, points 0, ±1, ±2.
const COUNT: u32 = 1u; // windows × vec4s
const H: u32 = 1u;
const W: u32 = 1u;
const C4: u32 = 1u;
const TILE_H: u32 = 1u; // tiles in a column of an image
const TILE_W: u32 = 1u; // tiles in a row
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4<f32>>;

// Hook: vec4 i of x, of channels 4c to 4c+3.
fn a_load(i: u32, c: u32) -> vec4<f32> { return x[i]; }

@compute @workgroup_size(64)
fn winograd_input(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let c = i % C4;
  let tile = i / C4;
  let image = tile / (TILE_H * TILE_W) * (H * W);
  let top = i32(tile / TILE_W % TILE_H * 4u) - PAD_TOP;
  let left = i32(tile % TILE_W * 4u) - PAD_LEFT;
  var d: array<vec4<f32>, 36>;
  for (var s = 0u; s < 6u; s++) { // unroll
    // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
    let w = u32(left + i32(s));
    let column = min(w, W - 1u);
    for (var r = 0u; r < 6u; r++) { // unroll
      let h = u32(top + i32(r));
      let at = (image + min(h, H - 1u) * W + column) * C4 + c;
      d[r * 6u + s] = select(vec4<f32>(), a_load(at, c), h < H && w < W);
    }
    let p = d[24u + s] - 4.0 * d[12u + s];
    let q = d[18u + s] - 4.0 * d[6u + s];
    let e = d[24u + s] - d[12u + s];
    let f = 2.0 * (d[18u + s] - d[6u + s]);
    d[s] = 4.0 * d[s] - 5.0 * d[12u + s] + d[24u + s];
    d[30u + s] = 4.0 * d[6u + s] - 5.0 * d[18u + s] + d[30u + s];
    d[6u + s] = p + q;
    d[12u + s] = p - q;
    d[18u + s] = e + f;
    d[24u + s] = e - f;
  }
  for (var r = 0u; r < 6u; r++) { // unroll
    let p = d[r * 6u + 4u] - 4.0 * d[r * 6u + 2u];
    let q = d[r * 6u + 3u] - 4.0 * d[r * 6u + 1u];
    let e = d[r * 6u + 4u] - d[r * 6u + 2u];
    let f = 2.0 * (d[r * 6u + 3u] - d[r * 6u + 1u]);
    v[(r * 6u + 0u) * COUNT + i] = 4.0 * d[r * 6u] - 5.0 * d[r * 6u + 2u] + d[r * 6u + 4u];
    v[(r * 6u + 1u) * COUNT + i] = p + q;
    v[(r * 6u + 2u) * COUNT + i] = p - q;
    v[(r * 6u + 3u) * COUNT + i] = e + f;
    v[(r * 6u + 4u) * COUNT + i] = e - f;
    v[(r * 6u + 5u) * COUNT + i] = 4.0 * d[r * 6u + 1u] - 5.0 * d[r * 6u + 3u] + d[r * 6u + 5u];
  }
}
