// conv2d_backward_weight_tiled — conv2d_backward_weight through workgroup memory: dweight[r,s,c,k] = Σ_n,p,q
// x[n, p·stride + r·dilation − pad, …, c] · dy[n,p,q,k], a GEMM whose sum runs over output pixels.
// A workgroup of THREADS_X × THREADS_Y computes one tap × TILE_C vec4s of input channels × TILE_K vec4s of output
// channels over ROWS rows of output pixels (a row: one n and p), a thread THREAD_C × THREAD_K of them. All threads
// together read STEP pixels of x and of dy once; a thread's output channels lie THREADS_X apart, so that neighbours
// read neighbouring vec4s. Where there are several ranges, each stores its own copy of the weight, and add_splits adds
// the copies. Padding of the weight is stored as 0.
// Bindings: x [N,H,W,C/4], dy [N,P,Q,K/4], dweight [ranges][R,S,C/groups,K/4].
// Source: Chetlur et al. 2014 (arXiv:1410.0759) §3.
const THREADS_X: u32 = 8u;
const THREADS_Y: u32 = 8u;
const THREAD_C: u32 = 1u;
const THREAD_K: u32 = 1u;
const STEP: u32 = 8u; // pixels read at a time
const THREADS: u32 = THREADS_X * THREADS_Y;
const TILE_C: u32 = THREADS_Y * THREAD_C;
const TILE_K: u32 = THREADS_X * THREAD_K;
const A_LOADS: u32 = (TILE_C * STEP + THREADS - 1u) / THREADS;
const B_LOADS: u32 = (TILE_K * STEP + THREADS - 1u) / THREADS;
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

const X_SIZE: u32 = STEP * TILE_C;
const DY_SIZE: u32 = STEP * TILE_K;
var<workgroup> x_tile: array<vec4<f32>, X_SIZE>;
var<workgroup> dy_tile: array<vec4<f32>, DY_SIZE>;

@compute @workgroup_size(THREADS)
fn conv2d_backward_weight_tiled(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  const C_TILES = (GROUP_C4 + TILE_C - 1u) / TILE_C;
  const K_TILES = (K4 + TILE_K - 1u) / TILE_K;
  let tile = id.y * groups.x + id.x;
  let tile_k0 = tile % K_TILES * TILE_K;
  let tile_c0 = tile / K_TILES % C_TILES * TILE_C;
  let tap = tile / (K_TILES * C_TILES) % (R * S);
  let range = tile / (K_TILES * C_TILES * R * S);
  let first = range * ROWS;
  if (first >= ALL_ROWS) {
    return;
  }
  let group_c0 = tile_k0 / GROUP_K4 * GROUP_C4 + tile_c0;
  let k0 = index % THREADS_X;
  let c0 = index / THREADS_X * THREAD_C;
  let shift = i32(tap % S * DILATION_W) - PAD_LEFT;
  let below = i32(tap / S * DILATION_H) - PAD_TOP;
  let last = min(first + ROWS, ALL_ROWS) * Q;
  var total: array<vec4<f32>, 4u * THREAD_C * THREAD_K>;
  for (var chunk = first * Q; chunk < last; chunk += SUM_ROWS * Q) {
    var acc = array<vec4<f32>, 4u * THREAD_C * THREAD_K>();
    let end = min(chunk + SUM_ROWS * Q, last);
    for (var pixel0 = chunk; pixel0 < end; pixel0 += STEP) {
      workgroupBarrier();
      for (var l = 0u; l < A_LOADS; l++) { // unroll
        let e = l * THREADS + index;
        let pixel = pixel0 + e / TILE_C;
        // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
        let h = u32(i32(pixel / Q % P * STRIDE_H) + below);
        let w = u32(i32(pixel % Q * STRIDE_W) + shift);
        let inside = pixel < end && h < H && w < W;
        let at = select(0u, (pixel / (P * Q) * (H * W) + h * W + w) * C4, inside) + group_c0 + e % TILE_C;
        if (e < X_SIZE) {
          x_tile[e] = select(vec4<f32>(), a_load(at, group_c0 + e % TILE_C), inside);
        }
      }
      for (var l = 0u; l < B_LOADS; l++) { // unroll
        let e = l * THREADS + index;
        let pixel = pixel0 + e / TILE_K;
        // Pixels outside the image are 0 in x_tile; those beyond the range must be 0 here as well, lest they are NaN.
        let k = min(tile_k0 + e % TILE_K, K4 - 1u);
        if (e < DY_SIZE) {
          dy_tile[e] = select(vec4<f32>(), b_load(min(pixel, end - 1u) * K4 + k, k), pixel < end);
        }
      }
      workgroupBarrier();
      for (var t = 0u; t < STEP; t++) {
        var b: array<vec4<f32>, THREAD_K>;
        for (var j = 0u; j < THREAD_K; j++) { // unroll
          b[j] = dy_tile[t * TILE_K + j * THREADS_X + k0];
        }
        for (var i = 0u; i < THREAD_C; i++) { // unroll
          let a = x_tile[t * TILE_C + c0 + i];
          for (var j = 0u; j < THREAD_K; j++) { // unroll
            acc[(i * 4u) * THREAD_K + j] += a.x * b[j];
            acc[(i * 4u + 1u) * THREAD_K + j] += a.y * b[j];
            acc[(i * 4u + 2u) * THREAD_K + j] += a.z * b[j];
            acc[(i * 4u + 3u) * THREAD_K + j] += a.w * b[j];
          }
        }
      }
    }
    for (var t = 0u; t < 4u * THREAD_C * THREAD_K; t++) { // unroll
      total[t] += acc[t];
    }
  }
  let out = (range * (R * S) + tap) * (GROUP_C4 * 4u * K4);
  for (var j = 0u; j < THREAD_K; j++) { // unroll
    let k = tile_k0 + j * THREADS_X + k0;
    let lanes = (vec4u(0u, 1u, 2u, 3u) + k * 4u) < vec4u(K);
    for (var i = 0u; i < THREAD_C; i++) { // unroll
      if (tile_c0 + c0 + i < GROUP_C4 && k < K4) {
        for (var e = 0u; e < 4u; e++) { // unroll
          let c = (tile_c0 + c0 + i) * 4u + e;
          let kept = select(vec4<bool>(), lanes, c < C);
          dweight[out + c * K4 + k] = select(vec4<f32>(), total[(i * 4u + e) * THREAD_K + j], kept);
        }
      }
    }
  }
}
