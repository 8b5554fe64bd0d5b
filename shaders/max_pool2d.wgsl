// max_pool2d — y[n,p,q,c] = max over r, s of x[n, p·stride + r·dilation − pad, …, c], channels last; padding never
// wins. One thread computes TILE_PIXELS consecutive pixels of one output row × one vec4 of channels. For each window
// row it reads the input columns under them once, S_STEP taps at a time; which of them a pixel and a tap meet in is
// known when the loops are unrolled. Bindings: x [N,H,W,C/4], y [N,P,Q,C/4].
alias Elem = vec4<f32>;
const TILE_PIXELS: u32 = 1u;
const S_STEP: u32 = 1u; // divides S
const COLUMNS: u32 = 1u; // (TILE_PIXELS − 1)·stride + (S_STEP − 1)·dilation + 1
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
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

// Hook: v of channels 4c to 4c+3 with 0 in the lanes beyond the last channel.
fn lanes(v: vec4<f32>, c: u32) -> vec4<f32> { return v; }

// Fusion hook: v is about to be stored as vec4 i of y, of channels 4c to 4c+3.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

// True where a lane is a NaN: a comparison of v with itself may be folded away.
fn is_nan4(v: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

@compute @workgroup_size(64)
fn max_pool2d(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  const Q_TILES = (Q + TILE_PIXELS - 1u) / TILE_PIXELS;
  let thread = id.y * groups.x * 64u + id.x;
  let c = thread % C4;
  let q0 = thread / C4 % Q_TILES * TILE_PIXELS;
  let row = thread / (C4 * Q_TILES);
  if (row >= ALL_ROWS) {
    return;
  }
  // −∞, for which WGSL has no literal and no constant.
  var lowest_bits = 0xff800000u;
  let lowest = vec4<f32>(bitcast<f32>(lowest_bits));
  let left = i32(q0 * STRIDE_W) - PAD_LEFT;
  var acc: array<vec4<f32>, TILE_PIXELS>;
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    acc[i] = lowest;
  }
  for (var r = 0u; r < R; r++) {
    let h = u32(i32(row % P * STRIDE_H + r * DILATION_H) - PAD_TOP);
    if (h >= H) {
      continue;
    }
    let base = (row / P * H + h) * W;
    for (var s0 = 0u; s0 < S; s0 += S_STEP) {
      var a: array<vec4<f32>, COLUMNS>;
      for (var column = 0u; column < COLUMNS; column++) { // unroll
        let w = u32(left + i32(s0 * DILATION_W + column));
        let inside = w < W;
        a[column] = select(lowest, x[(base + select(0u, w, inside)) * C4 + c], inside);
      }
      for (var s = 0u; s < S_STEP; s++) { // unroll
        for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
          let v = a[i * STRIDE_W + s * DILATION_W];
          acc[i] = select(acc[i], v, (v > acc[i]) | is_nan4(v));
        }
      }
    }
  }
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    if (q0 + i < Q) {
      let at = (row * Q + q0 + i) * C4 + c;
      y[at] = epilogue(lanes(acc[i], c), at, c);
    }
  }
}
