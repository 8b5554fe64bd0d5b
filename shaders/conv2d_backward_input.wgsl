// conv2d_backward_input — dx[n,h,w,c] = Σ_r,s,k dy[n, (h + pad − r·dilation)/stride, …, k] · weight[r,s,c,k] over the
// taps whose division leaves no remainder, channels last. Also the forward pass of the transposed convolution.
// Input pixels equal modulo the stride use the same taps: one grid layer z per such class, so that all threads of a
// workgroup skip the same taps. One thread computes TILE_PIXELS consecutive pixels of its class × TILE_VECS vec4s of
// input channels. The weight stays as it lies: four of its rows hold a 4×4 block, and dot products run along k.
// Bindings: dy [N,P,Q,K/4]; weight [R,S,C/groups,K/4], whose padding is 0; dx [N,H,W,C/4].
// Source: Dumoulin and Visin 2016 (arXiv:1603.07285) §4.
alias Elem = vec4<f32>;
const TILE_PIXELS: u32 = 4u;
const TILE_VECS: u32 = 1u;
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

@compute @workgroup_size(64)
fn conv2d_backward_input(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  const C_TILES = (C4 + TILE_VECS - 1u) / TILE_VECS;
  const CLASS_H = (H + STRIDE_H - 1u) / STRIDE_H;
  const CLASS_W = (W + STRIDE_W - 1u) / STRIDE_W;
  const PIXELS = N * CLASS_H * CLASS_W;
  let thread = id.y * groups.x * 64u + id.x;
  let c0 = (thread % C_TILES) * TILE_VECS;
  let first = (thread / C_TILES) * TILE_PIXELS;
  if (first >= PIXELS) {
    return;
  }
  let class_h = id.z / STRIDE_W;
  let class_w = id.z % STRIDE_W;
  let group = c0 / GROUP_C4;
  var image: array<u32, TILE_PIXELS>;
  var row: array<i32, TILE_PIXELS>;
  var column: array<i32, TILE_PIXELS>;
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    let pixel = min(first + i, PIXELS - 1u);
    image[i] = pixel / (CLASS_H * CLASS_W);
    row[i] = i32(pixel / CLASS_W % CLASS_H);
    column[i] = i32(pixel % CLASS_W);
  }
  var acc: array<vec4<f32>, TILE_PIXELS * TILE_VECS>;
  var total: array<vec4<f32>, TILE_PIXELS * TILE_VECS>;
  let r0 = first_tap(R, STEP_R, DILATION_H, STRIDE_H, class_h + u32(PAD_TOP));
  let s0 = first_tap(S, STEP_S, DILATION_W, STRIDE_W, class_w + u32(PAD_LEFT));
  let taps_r = (R - r0 + STEP_R - 1u) / STEP_R;
  let taps_s = (S - s0 + STEP_S - 1u) / STEP_S;
  for (var t = 0u; t < taps_r * taps_s; t++) {
    let r = r0 + t / taps_s * STEP_R;
    let s = s0 + t % taps_s * STEP_S;
    let up = (i32(class_h) + PAD_TOP - i32(r * DILATION_H)) / i32(STRIDE_H);
    let across = (i32(class_w) + PAD_LEFT - i32(s * DILATION_W)) / i32(STRIDE_W);
    var base: array<u32, TILE_PIXELS>;
    var inside: array<bool, TILE_PIXELS>;
    for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
      // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
      let p = u32(row[i] + up);
      let q = u32(column[i] + across);
      inside[i] = p < P && q < Q;
      base[i] = select(0u, ((image[i] * P + p) * Q + q) * K4, inside[i]) + group * GROUP_K4;
    }
    let b_base = ((r * S + s) * GROUP_C4 + c0 - group * GROUP_C4) * (4u * K4) + group * GROUP_K4;
    for (var k = 0u; k < GROUP_K4; k++) {
      var a: array<vec4<f32>, TILE_PIXELS>;
      for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
        a[i] = select(vec4<f32>(), a_load(base[i] + k, group * GROUP_K4 + k), inside[i]);
      }
      for (var j = 0u; j < TILE_VECS; j++) { // unroll
        let b0 = b_load(b_base + k + (j * 4u) * K4);
        let b1 = b_load(b_base + k + (j * 4u + 1u) * K4);
        let b2 = b_load(b_base + k + (j * 4u + 2u) * K4);
        let b3 = b_load(b_base + k + (j * 4u + 3u) * K4);
        for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
          acc[i * TILE_VECS + j] += vec4<f32>(dot(a[i], b0), dot(a[i], b1), dot(a[i], b2), dot(a[i], b3));
        }
      }
    }
    for (var e = 0u; e < TAPS_APART * TILE_PIXELS * TILE_VECS; e++) { // unroll
      total[e] += acc[e];
      acc[e] = vec4<f32>();
    }
  }
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    let h = u32(row[i]) * STRIDE_H + class_h;
    let w = u32(column[i]) * STRIDE_W + class_w;
    for (var j = 0u; j < TILE_VECS; j++) { // unroll
      if (first + i < PIXELS && h < H && w < W && c0 + j < C4) {
        let at = ((image[i] * H + h) * W + w) * C4 + c0 + j;
        dx[at] = epilogue(total[i * TILE_VECS + j] + acc[i * TILE_VECS + j], at, c0 + j);
      }
    }
  }
}
