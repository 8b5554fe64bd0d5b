// conv2d_backward_weight_depthwise — dweight[r,s,c] = Σ_n,p,q x[n, p·stride + r·dilation − pad, …, c] · dy[n,p,q,c].
// One thread computes all S taps of one kernel row × one vec4 of channels over ROWS rows of output pixels, reading each
// dy once. Where there are several such ranges, each stores its own copy of the weight.
// Padding of the weight is stored as 0. Bindings: x [N,H,W,C/4], dy [N,P,Q,C/4], dweight [ranges][R,S,4,C/4].
const ROWS: u32 = 1u; // rows of output pixels per range
const SUM_ROWS: u32 = 1u; // rows summed apart before they join the total, which keeps chains of additions short
const ALL_ROWS: u32 = 1u; // N·P
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
const K: u32 = 1u; // channels, without padding
const C4: u32 = 1u;
const STRIDE_H: u32 = 1u;
const STRIDE_W: u32 = 1u;
const DILATION_H: u32 = 1u;
const DILATION_W: u32 = 1u;
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dweight: array<vec4<f32>>;

// Hook: vec4 i of x, of channels 4c to 4c+3.
fn a_load(i: u32, c: u32) -> vec4<f32> { return x[i]; }

// Hook: vec4 i of dy, of channels 4c to 4c+3.
fn b_load(i: u32, c: u32) -> vec4<f32> { return dy[i]; }

@compute @workgroup_size(64)
fn conv2d_backward_weight_depthwise(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let thread = id.y * groups.x * 64u + id.x;
  let c = thread % C4;
  let r = thread / C4 % R;
  let range = thread / (C4 * R);
  let first = range * ROWS;
  if (first >= ALL_ROWS) {
    return;
  }
  let last = min(first + ROWS, ALL_ROWS);
  var total: array<vec4<f32>, S>;
  for (var chunk = first; chunk < last; chunk += SUM_ROWS) {
    var acc = array<vec4<f32>, S>();
    for (var row = chunk; row < min(chunk + SUM_ROWS, last); row++) {
      let h = u32(i32(row % P * STRIDE_H + r * DILATION_H) - PAD_TOP);
      if (h >= H) {
        continue;
      }
      let x_row = (row / P * H + h) * W;
      var left = -PAD_LEFT;
      for (var q = 0u; q < Q; q++) {
        let b = b_load((row * Q + q) * C4 + c, c);
        for (var s = 0u; s < S; s++) { // unroll
          let w = u32(left + i32(s * DILATION_W));
          acc[s] += select(vec4<f32>(), a_load((x_row + min(w, W - 1u)) * C4 + c, c), w < W) * b;
        }
        left += i32(STRIDE_W);
      }
    }
    for (var s = 0u; s < S; s++) { // unroll
      total[s] += acc[s];
    }
  }
  let lanes = (vec4u(0u, 1u, 2u, 3u) + c * 4u) < vec4u(K);
  for (var s = 0u; s < S; s++) { // unroll
    let out = (range * (R * S) + r * S + s) * (4u * C4) + c;
    dweight[out] = select(vec4<f32>(), total[s], lanes);
    for (var pad = 1u; pad < 4u; pad++) {
      dweight[out + pad * C4] = vec4<f32>();
    }
  }
}
