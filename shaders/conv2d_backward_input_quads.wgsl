enable subgroups;
// conv2d_backward_input_quads — conv2d_backward_input for adapters whose subgroups are four lanes: dx[n,h,w,c] =
// Σ_r,s,k dy[n, (h + pad − r·dilation)/stride, …, k] · weight[r,s,c,k] over the taps whose division leaves no
// remainder, channels last. Input pixels equal modulo the stride use the same taps: one grid layer z per such class.
// One lane computes TILE_PIXELS consecutive pixels of its class × TILE_VECS vec4s of input channels. Where SHARE_PIXELS
// is 2, horizontal neighbours of a quad take the same pixels and different channels, each reads half of the pixels and
// swaps for the other half; where it is 1 they take different pixels. Where SHARE_VECS is 2, vertical neighbours do the
// same with the weight. A lane's tile therefore begins with the half that it reads itself.
// Bindings: dy [N,P,Q,K/4]; weight [R,S,C/groups,K/4], whose padding is 0; dx [N,H,W,C/4].
// Source: Dumoulin and Visin 2016 (arXiv:1603.07285) §4.
alias Elem = vec4<f32>;
const QUADS: u32 = 16u; // subgroups of a workgroup
const THREADS: u32 = 4u * QUADS;
const TILE_PIXELS: u32 = 8u;
const TILE_VECS: u32 = 2u;
const SHARE_PIXELS: u32 = 2u; // 1 or 2
const SHARE_VECS: u32 = 2u; // 1 or 2, 1 where TILE_VECS is 1
const OWN_PIXELS: u32 = TILE_PIXELS / SHARE_PIXELS;
const OWN_VECS: u32 = TILE_VECS / SHARE_VECS;
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

@compute @workgroup_size(THREADS)
fn conv2d_backward_input_quads(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  const C_TILES = (C4 + TILE_VECS * SHARE_PIXELS - 1u) / (TILE_VECS * SHARE_PIXELS);
  const CLASS_H = (H + STRIDE_H - 1u) / STRIDE_H;
  const CLASS_W = (W + STRIDE_W - 1u) / STRIDE_W;
  const PIXELS = N * CLASS_H * CLASS_W;
  let quad = (id.y * groups.x + id.x) * QUADS + index / 4u;
  let across = index % 2u;
  let down = index / 2u % 2u;
  let tile_c0 = quad % C_TILES * (TILE_VECS * SHARE_PIXELS);
  let c0 = tile_c0 + across % SHARE_PIXELS * TILE_VECS;
  let tile = (quad / C_TILES) * (4u / SHARE_PIXELS) + down * (2u / SHARE_PIXELS) + across / SHARE_PIXELS;
  let first = tile * TILE_PIXELS;
  let group = tile_c0 / GROUP_C4;
  let class_h = id.z / STRIDE_W;
  let class_w = id.z % STRIDE_W;
  // The half of the tile that this lane reads, and the half that its neighbour reads.
  let own_pixel = first + across % SHARE_PIXELS * OWN_PIXELS;
  let other_pixel = first + (1u - across) * OWN_PIXELS;
  let own_vec = c0 + down % SHARE_VECS * OWN_VECS;
  let other_vec = c0 + (1u - down) * OWN_VECS;
  var image: array<u32, OWN_PIXELS>;
  var row: array<i32, OWN_PIXELS>;
  var column: array<i32, OWN_PIXELS>;
  for (var i = 0u; i < OWN_PIXELS; i++) { // unroll
    let pixel = min(own_pixel + i, PIXELS - 1u);
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
    let left = (i32(class_w) + PAD_LEFT - i32(s * DILATION_W)) / i32(STRIDE_W);
    var base: array<u32, OWN_PIXELS>;
    var inside: array<bool, OWN_PIXELS>;
    for (var i = 0u; i < OWN_PIXELS; i++) { // unroll
      // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
      let p = u32(row[i] + up);
      let q = u32(column[i] + left);
      inside[i] = (p < P) & (q < Q);
      base[i] = select(0u, ((image[i] * P + p) * Q + q) * K4, inside[i]) + group * GROUP_K4;
    }
    let b_base = ((r * S + s) * GROUP_C4 + own_vec - group * GROUP_C4) * (4u * K4) + group * GROUP_K4;
    for (var k = 0u; k < GROUP_K4; k++) {
      var a: array<vec4<f32>, TILE_PIXELS>;
      for (var i = 0u; i < OWN_PIXELS; i++) { // unroll
        a[i] = select(vec4<f32>(), a_load(base[i] + k, group * GROUP_K4 + k), inside[i]);
      }
      for (var i = OWN_PIXELS; i < TILE_PIXELS; i++) { // unroll
        a[i] = quadSwapX(a[i - OWN_PIXELS]);
      }
      var b: array<vec4<f32>, 4u * TILE_VECS>;
      for (var e = 0u; e < 4u * OWN_VECS; e++) { // unroll
        b[e] = b_load(b_base + k + e * K4);
      }
      for (var e = 4u * OWN_VECS; e < 4u * TILE_VECS; e++) { // unroll
        b[e] = quadSwapY(b[e - 4u * OWN_VECS]);
      }
      for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
        for (var j = 0u; j < TILE_VECS; j++) { // unroll
          acc[i * TILE_VECS + j] += vec4<f32>(
            dot(a[i], b[4u * j]),
            dot(a[i], b[4u * j + 1u]),
            dot(a[i], b[4u * j + 2u]),
            dot(a[i], b[4u * j + 3u]),
          );
        }
      }
    }
    for (var e = 0u; e < TAPS_APART * TILE_PIXELS * TILE_VECS; e++) { // unroll
      total[e] += acc[e];
      acc[e] = vec4<f32>();
    }
  }
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    let pixel = select(other_pixel + i - OWN_PIXELS, own_pixel + i, i < OWN_PIXELS);
    let n = pixel / (CLASS_H * CLASS_W);
    let h = pixel / CLASS_W % CLASS_H * STRIDE_H + class_h;
    let w = pixel % CLASS_W * STRIDE_W + class_w;
    for (var j = 0u; j < TILE_VECS; j++) { // unroll
      let c = select(other_vec + j - OWN_VECS, own_vec + j, j < OWN_VECS);
      if (pixel < PIXELS && h < H && w < W && c < C4) {
        let at = ((n * H + h) * W + w) * C4 + c;
        dx[at] = epilogue(total[i * TILE_VECS + j] + acc[i * TILE_VECS + j], at, c);
      }
    }
  }
}
