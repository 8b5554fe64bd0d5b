// conv2d_backward_weight_few — conv2d_backward_weight for images of one to three channels, read where they lie as
// N,C,H,W. dweight[r,s,c,k] = Σ_n,p,q x[n,c, p·stride + r·dilation − pad, …] · dy[n,p,q,k].
// One thread computes TILE_S taps of one kernel row × one input channel × TILE_K vec4s of output channels over ROWS
// rows of output pixels. Where there are several such ranges, each stores its own copy of the weight.
// Padding of the weight is stored as 0. Bindings: x [N,C,H,W], dy [N,P,Q,K/4], dweight [ranges][R,S,4,K/4].
const TILE_S: u32 = 1u;
const TILE_K: u32 = 1u;
const ROWS: u32 = 1u; // rows of output pixels per range
const SUM_ROWS: u32 = 1u; // rows summed apart before they join the total, which keeps chains of additions short
const ALL_ROWS: u32 = 1u; // N·P
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
const C: u32 = 1u;
const K: u32 = 1u; // output channels, without padding
const K4: u32 = 1u; // vec4s of output channels
const STRIDE_H: u32 = 1u;
const STRIDE_W: u32 = 1u;
const DILATION_H: u32 = 1u;
const DILATION_W: u32 = 1u;
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dweight: array<vec4<f32>>;

// Hook: element i of x, of channel c.
fn a_load(i: u32, c: u32) -> f32 { return x[i]; }

// Hook: vec4 i of dy, of channels 4c to 4c+3.
fn b_load(i: u32, c: u32) -> vec4<f32> { return dy[i]; }

@compute @workgroup_size(64)
fn conv2d_backward_weight_few(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  const K_TILES = (K4 + TILE_K - 1u) / TILE_K;
  const S_TILES = (S + TILE_S - 1u) / TILE_S;
  let thread = id.y * groups.x * 64u + id.x;
  let k0 = thread % K_TILES * TILE_K;
  let c = thread / K_TILES % C;
  let s0 = thread / (K_TILES * C) % S_TILES * TILE_S;
  let r = thread / (K_TILES * C * S_TILES) % R;
  let range = thread / (K_TILES * C * S_TILES * R);
  let first = range * ROWS;
  if (first >= ALL_ROWS) {
    return;
  }
  let last = min(first + ROWS, ALL_ROWS);
  var total: array<vec4<f32>, TILE_S * TILE_K>;
  for (var chunk = first; chunk < last; chunk += SUM_ROWS) {
    var acc = array<vec4<f32>, TILE_S * TILE_K>();
    for (var row = chunk; row < min(chunk + SUM_ROWS, last); row++) {
      let h = u32(i32(row % P * STRIDE_H + r * DILATION_H) - PAD_TOP);
      if (h >= H) {
        continue;
      }
      let x_row = ((row / P * C + c) * H + h) * W;
      var left = i32(s0 * DILATION_W) - PAD_LEFT;
      for (var q = 0u; q < Q; q++) {
        var a: array<f32, TILE_S>;
        for (var i = 0u; i < TILE_S; i++) { // unroll
          let w = u32(left + i32(i * DILATION_W));
          a[i] = select(0.0, a_load(x_row + min(w, W - 1u), c), w < W);
        }
        for (var j = 0u; j < TILE_K; j++) { // unroll
          let b = b_load((row * Q + q) * K4 + k0 + j, k0 + j);
          for (var i = 0u; i < TILE_S; i++) { // unroll
            acc[i * TILE_K + j] += a[i] * b;
          }
        }
        left += i32(STRIDE_W);
      }
    }
    for (var t = 0u; t < TILE_S * TILE_K; t++) { // unroll
      total[t] += acc[t];
    }
  }
  for (var i = 0u; i < TILE_S; i++) { // unroll
    let out = (range * (R * S) + r * S + s0 + i) * (4u * K4) + k0;
    for (var j = 0u; j < TILE_K; j++) { // unroll
      if (s0 + i < S && k0 + j < K4) {
        let lanes = (vec4u(0u, 1u, 2u, 3u) + (k0 + j) * 4u) < vec4u(K);
        dweight[out + c * K4 + j] = select(vec4<f32>(), total[i * TILE_K + j], lanes);
        // The thread of the last channel also fills the rows that pad the channels to four.
        if (c == C - 1u) {
          for (var pad = C; pad < 4u; pad++) {
            dweight[out + pad * K4 + j] = vec4<f32>();
          }
        }
      }
    }
  }
}
