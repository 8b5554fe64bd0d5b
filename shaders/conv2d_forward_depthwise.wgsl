// conv2d_forward_depthwise — y[n,p,q,c] = Σ_r,s x[n, p·stride + r·dilation − pad, …, c] · weight[r,s,c], channels last.
// One thread computes TILE_PIXELS consecutive pixels of one output row × one vec4 of channels. For each kernel row it
// reads the COLUMNS input columns under them once; which of them a pixel and a tap meet in is known when the loops are
// unrolled. Bindings: x, y [N,H,W,C/4]; weight [R,S,4,C/4] with its first row used.
alias Elem = vec4<f32>;
const TILE_PIXELS: u32 = 1u;
const COLUMNS: u32 = 1u; // (TILE_PIXELS − 1)·stride + (S − 1)·dilation + 1
const ALL_ROWS: u32 = 1u; // N·P
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
const C4: u32 = 1u;
const STRIDE_H: u32 = 1u;
const STRIDE_W: u32 = 1u;
const DILATION_H: u32 = 1u;
const DILATION_W: u32 = 1u;
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

// Hook: vec4 i of x, of channels 4c to 4c+3.
fn a_load(i: u32, c: u32) -> vec4<f32> { return x[i]; }

// Fusion hook: v is about to be stored as vec4 i of y, of channels 4c to 4c+3.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

@compute @workgroup_size(64)
fn conv2d_forward_depthwise(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  const Q_TILES = (Q + TILE_PIXELS - 1u) / TILE_PIXELS;
  let thread = id.y * groups.x * 64u + id.x;
  let c = thread % C4;
  let q0 = thread / C4 % Q_TILES * TILE_PIXELS;
  let row = thread / (C4 * Q_TILES);
  if (row >= ALL_ROWS) {
    return;
  }
  let left = i32(q0 * STRIDE_W) - PAD_LEFT;
  var acc: array<vec4<f32>, TILE_PIXELS>;
  for (var r = 0u; r < R; r++) {
    let h = u32(i32(row % P * STRIDE_H + r * DILATION_H) - PAD_TOP);
    if (h >= H) {
      continue;
    }
    let base = (row / P * H + h) * W;
    var a: array<vec4<f32>, COLUMNS>;
    for (var column = 0u; column < COLUMNS; column++) { // unroll
      let w = u32(left + i32(column));
      let inside = w < W;
      a[column] = select(vec4<f32>(), a_load((base + select(0u, w, inside)) * C4 + c, c), inside);
    }
    for (var s = 0u; s < S; s++) { // unroll
      let b = weight[(r * S + s) * (4u * C4) + c];
      for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
        acc[i] += a[i * STRIDE_W + s * DILATION_W] * b;
      }
    }
  }
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    if (q0 + i < Q) {
      let at = (row * Q + q0 + i) * C4 + c;
      y[at] = epilogue(acc[i], at, c);
    }
  }
}
