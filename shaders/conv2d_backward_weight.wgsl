// conv2d_backward_weight — dweight[r,s,c,k] = Σ_n,p,q x[n, p·stride + r·dilation − pad, …, c] · dy[n,p,q,k].
// A GEMM whose sum runs over output pixels. One thread computes one tap × TILE_C vec4s of input channels × TILE_K vec4s
// of output channels over ROWS rows of output pixels (a row: one n and p). Where there are several such ranges, each
// stores its own copy of the weight, and add_splits adds the copies.
// Padding of the weight is stored as 0. Bindings: x [N,H,W,C/4], dy [N,P,Q,K/4], dweight [ranges][R,S,C/groups,K/4].
// Source: Chetlur et al. 2014 (arXiv:1410.0759) §3.
const TILE_C: u32 = 1u;
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
const C: u32 = 1u; // input channels of a group, without padding
const K: u32 = 1u; // output channels, without padding
const C4: u32 = 1u; // vec4s of all input channels
const K4: u32 = 1u; // vec4s of all output channels
const GROUP_C4: u32 = 1u;
const GROUP_K4: u32 = 1u;
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
fn conv2d_backward_weight(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  const C_TILES = (GROUP_C4 + TILE_C - 1u) / TILE_C;
  const K_TILES = (K4 + TILE_K - 1u) / TILE_K;
  let thread = id.y * groups.x * 64u + id.x;
  let k0 = thread % K_TILES * TILE_K;
  let c0 = thread / K_TILES % C_TILES * TILE_C;
  let tap = thread / (K_TILES * C_TILES) % (R * S);
  let range = thread / (K_TILES * C_TILES * R * S);
  let first = range * ROWS;
  if (first >= ALL_ROWS) {
    return;
  }
  let group_c0 = k0 / GROUP_K4 * GROUP_C4 + c0;
  // Output columns [begin, end) are those whose input column q·stride + shift lies inside.
  let shift = i32(tap % S * DILATION_W) - PAD_LEFT;
  let begin = u32(max(0, i32(STRIDE_W) - 1 - shift) / i32(STRIDE_W));
  let end = min(Q, u32(max(0, i32(W + STRIDE_W) - 1 - shift) / i32(STRIDE_W)));
  let down = i32(tap / S * DILATION_H) - PAD_TOP;
  let last = min(first + ROWS, ALL_ROWS);
  var total: array<vec4<f32>, 4u * TILE_C * TILE_K>;
  for (var chunk = first; chunk < last; chunk += SUM_ROWS) {
    var acc = array<vec4<f32>, 4u * TILE_C * TILE_K>();
    for (var row = chunk; row < min(chunk + SUM_ROWS, last); row++) {
      let h = u32(i32(row % P * STRIDE_H) + down);
      if (h >= H) {
        continue;
      }
      var x_at = ((row / P * H + h) * W + u32(i32(begin * STRIDE_W) + shift)) * C4 + group_c0;
      var dy_at = (row * Q + begin) * K4 + k0;
      for (var q = begin; q < end; q++) {
        var a: array<vec4<f32>, TILE_C>;
        for (var i = 0u; i < TILE_C; i++) { // unroll
          a[i] = a_load(x_at + i, group_c0 + i);
        }
        for (var j = 0u; j < TILE_K; j++) { // unroll
          let b = b_load(dy_at + j, k0 + j);
          for (var i = 0u; i < TILE_C; i++) { // unroll
            acc[i * 4u * TILE_K + j] += a[i].x * b;
            acc[(i * 4u + 1u) * TILE_K + j] += a[i].y * b;
            acc[(i * 4u + 2u) * TILE_K + j] += a[i].z * b;
            acc[(i * 4u + 3u) * TILE_K + j] += a[i].w * b;
          }
        }
        x_at += STRIDE_W * C4;
        dy_at += K4;
      }
    }
    for (var t = 0u; t < 4u * TILE_C * TILE_K; t++) { // unroll
      total[t] += acc[t];
    }
  }
  let out = (range * (R * S) + tap) * (GROUP_C4 * 4u * K4);
  for (var j = 0u; j < TILE_K; j++) { // unroll
    let lanes = (vec4u(0u, 1u, 2u, 3u) + (k0 + j) * 4u) < vec4u(K);
    for (var i = 0u; i < TILE_C; i++) { // unroll
      if (c0 + i < GROUP_C4 && k0 + j < K4) {
        for (var e = 0u; e < 4u; e++) { // unroll
          let c = (c0 + i) * 4u + e;
          let kept = select(vec4<bool>(), lanes, c < C);
          dweight[out + c * K4 + k0 + j] = select(vec4<f32>(), total[(i * 4u + e) * TILE_K + j], kept);
        }
      }
    }
  }
}
