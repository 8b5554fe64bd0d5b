// conv2d_backward_input_tiled — conv2d_backward_input through workgroup memory: dx[n,h,w,c] = Σ_r,s,k
// dy[n, (h + pad − r·dilation)/stride, …, k] · weight[r,s,c,k] over the taps whose division leaves no remainder,
// channels last. Input pixels equal modulo the stride use the same taps: one grid layer z per such class.
// A workgroup of THREADS_X × THREADS_Y computes TILE_PIXELS consecutive pixels of its class × TILE_VECS vec4s of input
// channels, a thread THREAD_PIXELS × THREAD_VECS of them. For each tap and STEP vec4s of output channels all threads
// together read the pixels and the weights under them once; rows in workgroup memory are one longer than needed against
// conflicts of memory banks. Indices are clamped at the edges, and only the store is guarded: every barrier is uniform.
// Bindings: dy [N,P,Q,K/4]; weight [R,S,C/groups,K/4], whose padding is 0; dx [N,H,W,C/4].
// Source: Dumoulin and Visin 2016 (arXiv:1603.07285) §4.
alias Elem = vec4<f32>;
const THREADS_X: u32 = 8u;
const THREADS_Y: u32 = 8u;
const THREAD_PIXELS: u32 = 4u;
const THREAD_VECS: u32 = 1u;
const STEP: u32 = 2u; // vec4s of output channels read at a time
const THREADS: u32 = THREADS_X * THREADS_Y;
const TILE_PIXELS: u32 = THREADS_Y * THREAD_PIXELS;
const TILE_VECS: u32 = THREADS_X * THREAD_VECS;
const A_LOADS: u32 = (TILE_PIXELS * STEP + THREADS - 1u) / THREADS;
const B_LOADS: u32 = (TILE_VECS * STEP * 4u + THREADS - 1u) / THREADS;
const N: u32 = 1u;
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
const STEP_R: u32 = 1u; // every STEP_R-th kernel row meets the same pixels: stride / gcd(stride, dilation)
const STEP_S: u32 = 1u;
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;
// 1 where a chain of additions would be so long that its rounding shows: each tap is then summed apart. A count and
// not a condition, so that nothing is left of it where it is 0.
const TAPS_APART: u32 = 0u;

@group(0) @binding(0) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;

// Hook: vec4 i of dy, of channels 4c to 4c+3.
fn a_load(i: u32, c: u32) -> vec4<f32> { return dy[i]; }

// Hook: vec4 i of the weight.
fn b_load(i: u32) -> vec4<f32> { return weight[i]; }

// Fusion hook: v is about to be stored as vec4 i of dx, of channels 4c to 4c+3.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

// First tap whose distance from `offset` is a multiple of the stride; `taps` where there is none.
fn first_tap(taps: u32, step: u32, dilation: u32, stride: u32, offset: u32) -> u32 {
  var first = taps;
  for (var t = min(step, taps); t > 0u; t--) {
    if ((t - 1u) * dilation % stride == offset % stride) {
      first = t - 1u;
    }
  }
  return first;
}

const CLASS_H: u32 = (H + STRIDE_H - 1u) / STRIDE_H;
const CLASS_W: u32 = (W + STRIDE_W - 1u) / STRIDE_W;
const PIXELS: u32 = N * CLASS_H * CLASS_W;
const DY_STRIDE: u32 = TILE_PIXELS + 1u;
const DY_SIZE: u32 = STEP * DY_STRIDE;
const WEIGHT_STRIDE: u32 = TILE_VECS * 4u + 1u;
const WEIGHT_SIZE: u32 = STEP * WEIGHT_STRIDE;
var<workgroup> dy_tile: array<vec4<f32>, DY_SIZE>;
var<workgroup> weight_tile: array<vec4<f32>, WEIGHT_SIZE>;

@compute @workgroup_size(THREADS)
fn conv2d_backward_input_tiled(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  const C_TILES = (C4 + TILE_VECS - 1u) / TILE_VECS;
  let tile = id.y * groups.x + id.x;
  let tile_c0 = tile % C_TILES * TILE_VECS;
  let first = tile / C_TILES * TILE_PIXELS;
  let group = tile_c0 / GROUP_C4;
  let class_h = id.z / STRIDE_W;
  let class_w = id.z % STRIDE_W;
  let c0 = index % THREADS_X;
  let pixel0 = index / THREADS_X * THREAD_PIXELS;
  // What this thread reads of dy: vec4 e % STEP of pixel e / STEP for every THREADS-th e.
  var image: array<u32, A_LOADS>;
  var row: array<i32, A_LOADS>;
  var column: array<i32, A_LOADS>;
  for (var l = 0u; l < A_LOADS; l++) { // unroll
    let pixel = min(first + (l * THREADS + index) / STEP, PIXELS - 1u);
    image[l] = pixel / (CLASS_H * CLASS_W);
    row[l] = i32(pixel / CLASS_W % CLASS_H);
    column[l] = i32(pixel % CLASS_W);
  }
  var acc: array<vec4<f32>, THREAD_PIXELS * THREAD_VECS>;
  var total: array<vec4<f32>, THREAD_PIXELS * THREAD_VECS>;
  let r0 = first_tap(R, STEP_R, DILATION_H, STRIDE_H, class_h + u32(PAD_TOP));
  let s0 = first_tap(S, STEP_S, DILATION_W, STRIDE_W, class_w + u32(PAD_LEFT));
  let taps_r = (R - r0 + STEP_R - 1u) / STEP_R;
  let taps_s = (S - s0 + STEP_S - 1u) / STEP_S;
  for (var tap = 0u; tap < taps_r * taps_s; tap++) {
    let r = r0 + tap / taps_s * STEP_R;
    let s = s0 + tap % taps_s * STEP_S;
    let up = (i32(class_h) + PAD_TOP - i32(r * DILATION_H)) / i32(STRIDE_H);
    let across = (i32(class_w) + PAD_LEFT - i32(s * DILATION_W)) / i32(STRIDE_W);
    var base: array<u32, A_LOADS>;
    var inside: array<bool, A_LOADS>;
    for (var l = 0u; l < A_LOADS; l++) { // unroll
      // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
      let p = u32(row[l] + up);
      let q = u32(column[l] + across);
      inside[l] = p < P && q < Q;
      base[l] = select(0u, ((image[l] * P + p) * Q + q) * K4, inside[l]) + group * GROUP_K4;
    }
    for (var k = 0u; k < GROUP_K4; k += STEP) {
      workgroupBarrier();
      for (var l = 0u; l < A_LOADS; l++) { // unroll
        let e = l * THREADS + index;
        let at = k + e % STEP;
        let kept = inside[l] && at < GROUP_K4;
        if (e < TILE_PIXELS * STEP) {
          let loaded = a_load(base[l] + at, group * GROUP_K4 + at);
          dy_tile[e % STEP * DY_STRIDE + e / STEP] = select(vec4<f32>(), loaded, kept);
        }
      }
      for (var l = 0u; l < B_LOADS; l++) { // unroll
        let e = l * THREADS + index;
        // Vec4s beyond the group's channels meet zeros of dy, but must not be NaN themselves.
        let at = group * GROUP_K4 + min(k + e % STEP, GROUP_K4 - 1u);
        let c = min((tile_c0 - group * GROUP_C4) * 4u + e / STEP, GROUP_C4 * 4u - 1u);
        if (e < TILE_VECS * 4u * STEP) {
          weight_tile[e % STEP * WEIGHT_STRIDE + e / STEP] = b_load(((r * S + s) * (GROUP_C4 * 4u) + c) * K4 + at);
        }
      }
      workgroupBarrier();
      for (var t = 0u; t < STEP; t++) { // unroll
        var a: array<vec4<f32>, THREAD_PIXELS>;
        for (var i = 0u; i < THREAD_PIXELS; i++) { // unroll
          a[i] = dy_tile[t * DY_STRIDE + pixel0 + i];
        }
        for (var j = 0u; j < THREAD_VECS; j++) { // unroll
          let b0 = weight_tile[t * WEIGHT_STRIDE + (j * THREADS_X + c0) * 4u];
          let b1 = weight_tile[t * WEIGHT_STRIDE + (j * THREADS_X + c0) * 4u + 1u];
          let b2 = weight_tile[t * WEIGHT_STRIDE + (j * THREADS_X + c0) * 4u + 2u];
          let b3 = weight_tile[t * WEIGHT_STRIDE + (j * THREADS_X + c0) * 4u + 3u];
          for (var i = 0u; i < THREAD_PIXELS; i++) { // unroll
            acc[i * THREAD_VECS + j] += vec4<f32>(dot(a[i], b0), dot(a[i], b1), dot(a[i], b2), dot(a[i], b3));
          }
        }
      }
    }
    for (var e = 0u; e < TAPS_APART * THREAD_PIXELS * THREAD_VECS; e++) { // unroll
      total[e] += acc[e];
      acc[e] = vec4<f32>();
    }
  }
  for (var i = 0u; i < THREAD_PIXELS; i++) { // unroll
    let pixel = first + pixel0 + i;
    let h = pixel / CLASS_W % CLASS_H * STRIDE_H + class_h;
    let w = pixel % CLASS_W * STRIDE_W + class_w;
    for (var j = 0u; j < THREAD_VECS; j++) { // unroll
      let c = tile_c0 + j * THREADS_X + c0;
      if (pixel < PIXELS && h < H && w < W && c < C4) {
        let at = ((pixel / (CLASS_H * CLASS_W) * H + h) * W + w) * C4 + c;
        dx[at] = epilogue(total[i * THREAD_VECS + j] + acc[i * THREAD_VECS + j], at, c);
      }
    }
  }
}
