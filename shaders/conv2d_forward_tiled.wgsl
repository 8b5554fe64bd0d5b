// conv2d_forward_tiled — conv2d_forward through workgroup memory: y[n,p,q,k] = Σ_r,s,c
// x[n, p·stride + r·dilation − pad, …, c] · weight[r,s,c,k], channels last. A workgroup of THREADS_X × THREADS_Y
// computes TILE_PIXELS consecutive output pixels × TILE_VECS vec4s of output channels, a thread THREAD_PIXELS ×
// THREAD_VECS of them. For each tap and STEP vec4s of input channels all threads together read the pixels (rows of
// x_tile, one longer than needed against conflicts of memory banks) and the weights under them once; a thread's weights
// lie THREADS_X apart, so that neighbours read neighbouring vec4s. Indices are clamped at the edges, and only the store
// is guarded: every barrier is uniform.
// Bindings: x, y [N,H,W,C/4]; weight [R,S,C/groups,K/4], whose padding is 0.
// Source: implicit GEMM, Chetlur et al. 2014 (arXiv:1410.0759) §3.
alias Elem = vec4<f32>;
const THREADS_X: u32 = 8u;
const THREADS_Y: u32 = 8u;
const THREAD_PIXELS: u32 = 4u;
const THREAD_VECS: u32 = 1u;
const STEP: u32 = 2u; // vec4s of input channels read at a time
const THREADS: u32 = THREADS_X * THREADS_Y;
const TILE_PIXELS: u32 = THREADS_Y * THREAD_PIXELS;
const TILE_VECS: u32 = THREADS_X * THREAD_VECS;
const A_LOADS: u32 = (TILE_PIXELS * STEP + THREADS - 1u) / THREADS;
const B_LOADS: u32 = (TILE_VECS * STEP * 4u + THREADS - 1u) / THREADS;
const PIXELS: u32 = 1u; // N·P·Q
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
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
// 1 where a chain of additions would be so long that its rounding shows: each tap is then summed apart. A count and
// not a condition, so that nothing is left of it where it is 0.
const TAPS_APART: u32 = 0u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

// Hook: vec4 i of x, of channels 4c to 4c+3.
fn a_load(i: u32, c: u32) -> vec4<f32> { return x[i]; }

// Hook: vec4 i of the weight.
fn b_load(i: u32) -> vec4<f32> { return weight[i]; }

// Fusion hook: v is about to be stored as vec4 i of y, of channels 4c to 4c+3.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

const X_STRIDE: u32 = TILE_PIXELS + 1u;
const X_SIZE: u32 = STEP * X_STRIDE;
const WEIGHT_SIZE: u32 = STEP * 4u * TILE_VECS;
var<workgroup> x_tile: array<vec4<f32>, X_SIZE>;
var<workgroup> weight_tile: array<vec4<f32>, WEIGHT_SIZE>;

@compute @workgroup_size(THREADS)
fn conv2d_forward_tiled(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  const K_TILES = (K4 + TILE_VECS - 1u) / TILE_VECS;
  let tile = id.y * groups.x + id.x;
  let tile_k0 = tile % K_TILES * TILE_VECS;
  let first = tile / K_TILES * TILE_PIXELS;
  let c0 = tile_k0 / GROUP_K4 * GROUP_C4;
  let k0 = index % THREADS_X;
  let pixel0 = index / THREADS_X * THREAD_PIXELS;
  // What this thread reads of x: vec4 e % STEP of pixel e / STEP for every THREADS-th e.
  var image: array<u32, A_LOADS>;
  var top: array<i32, A_LOADS>;
  var left: array<i32, A_LOADS>;
  for (var l = 0u; l < A_LOADS; l++) { // unroll
    let pixel = min(first + (l * THREADS + index) / STEP, PIXELS - 1u);
    image[l] = pixel / (P * Q) * (H * W);
    top[l] = i32(pixel / Q % P * STRIDE_H) - PAD_TOP;
    left[l] = i32(pixel % Q * STRIDE_W) - PAD_LEFT;
  }
  var acc: array<vec4<f32>, THREAD_PIXELS * THREAD_VECS>;
  var total: array<vec4<f32>, THREAD_PIXELS * THREAD_VECS>;
  for (var tap = 0u; tap < R * S; tap++) {
    var base: array<u32, A_LOADS>;
    var inside: array<bool, A_LOADS>;
    for (var l = 0u; l < A_LOADS; l++) { // unroll
      // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
      let h = u32(top[l] + i32(tap / S * DILATION_H));
      let w = u32(left[l] + i32(tap % S * DILATION_W));
      inside[l] = h < H && w < W;
      base[l] = select(0u, (image[l] + h * W + w) * C4, inside[l]) + c0;
    }
    for (var c = 0u; c < GROUP_C4; c += STEP) {
      workgroupBarrier();
      for (var l = 0u; l < A_LOADS; l++) { // unroll
        let e = l * THREADS + index;
        let at = c + e % STEP;
        let kept = inside[l] && at < GROUP_C4;
        if (e < TILE_PIXELS * STEP) {
          x_tile[e % STEP * X_STRIDE + e / STEP] = select(vec4<f32>(), a_load(base[l] + at, c0 + at), kept);
        }
      }
      for (var l = 0u; l < B_LOADS; l++) { // unroll
        let e = l * THREADS + index;
        let row = e / TILE_VECS;
        let k = min(tile_k0 + e % TILE_VECS, K4 - 1u);
        if (e < WEIGHT_SIZE) {
          // Rows beyond the group's channels meet zeros of x, but must not be NaN themselves.
          let at = tap * (GROUP_C4 * 4u) + min(c * 4u + row, GROUP_C4 * 4u - 1u);
          weight_tile[e] = b_load(at * K4 + k);
        }
      }
      workgroupBarrier();
      for (var t = 0u; t < STEP; t++) { // unroll
        var a: array<vec4<f32>, THREAD_PIXELS>;
        for (var i = 0u; i < THREAD_PIXELS; i++) { // unroll
          a[i] = x_tile[t * X_STRIDE + pixel0 + i];
        }
        for (var j = 0u; j < THREAD_VECS; j++) { // unroll
          let b0 = weight_tile[(t * 4u) * TILE_VECS + j * THREADS_X + k0];
          let b1 = weight_tile[(t * 4u + 1u) * TILE_VECS + j * THREADS_X + k0];
          let b2 = weight_tile[(t * 4u + 2u) * TILE_VECS + j * THREADS_X + k0];
          let b3 = weight_tile[(t * 4u + 3u) * TILE_VECS + j * THREADS_X + k0];
          for (var i = 0u; i < THREAD_PIXELS; i++) { // unroll
            acc[i * THREAD_VECS + j] += a[i].x * b0 + a[i].y * b1 + a[i].z * b2 + a[i].w * b3;
          }
        }
      }
    }
    for (var t = 0u; t < TAPS_APART * THREAD_PIXELS * THREAD_VECS; t++) { // unroll
      total[t] += acc[t];
      acc[t] = vec4<f32>();
    }
  }
  for (var i = 0u; i < THREAD_PIXELS; i++) { // unroll
    for (var j = 0u; j < THREAD_VECS; j++) { // unroll
      let pixel = first + pixel0 + i;
      let k = tile_k0 + j * THREADS_X + k0;
      if (pixel < PIXELS && k < K4) {
        let at = pixel * K4 + k;
        y[at] = epilogue(total[i * THREAD_VECS + j] + acc[i * THREAD_VECS + j], at, k);
      }
    }
  }
}
