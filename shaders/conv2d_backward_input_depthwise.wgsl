// conv2d_backward_input_depthwise — dx[n,h,w,c] = Σ_r,s dy[n, (h + pad − r·dilation)/stride, …, c] · weight[r,s,c] over
// the taps whose division leaves no remainder, channels last. Input pixels equal modulo the stride use the same taps:
// one grid layer z per such class. One thread computes TILE_PIXELS consecutive pixels of its class × one vec4 of
// channels. Bindings: dy [N,P,Q,C/4]; weight [R,S,4,C/4] with its first row used; dx [N,H,W,C/4].
alias Elem = vec4<f32>;
const TILE_PIXELS: u32 = 4u;
const N: u32 = 1u;
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
const STEP_R: u32 = 1u; // every STEP_R-th kernel row meets the same pixels: stride / gcd(stride, dilation)
const STEP_S: u32 = 1u;
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;

@group(0) @binding(0) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;

// Hook: vec4 i of dy, of channels 4c to 4c+3.
fn a_load(i: u32, c: u32) -> vec4<f32> { return dy[i]; }

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
fn conv2d_backward_input_depthwise(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  const CLASS_H = (H + STRIDE_H - 1u) / STRIDE_H;
  const CLASS_W = (W + STRIDE_W - 1u) / STRIDE_W;
  const PIXELS = N * CLASS_H * CLASS_W;
  let thread = id.y * groups.x * 64u + id.x;
  let c = thread % C4;
  let first = (thread / C4) * TILE_PIXELS;
  if (first >= PIXELS) {
    return;
  }
  let class_h = id.z / STRIDE_W;
  let class_w = id.z % STRIDE_W;
  var image: array<u32, TILE_PIXELS>;
  var row: array<i32, TILE_PIXELS>;
  var column: array<i32, TILE_PIXELS>;
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    let pixel = min(first + i, PIXELS - 1u);
    image[i] = pixel / (CLASS_H * CLASS_W);
    row[i] = i32(pixel / CLASS_W % CLASS_H);
    column[i] = i32(pixel % CLASS_W);
  }
  var acc: array<vec4<f32>, TILE_PIXELS>;
  let r0 = first_tap(R, STEP_R, DILATION_H, STRIDE_H, class_h + u32(PAD_TOP));
  let s0 = first_tap(S, STEP_S, DILATION_W, STRIDE_W, class_w + u32(PAD_LEFT));
  let taps_r = (R - r0 + STEP_R - 1u) / STEP_R;
  let taps_s = (S - s0 + STEP_S - 1u) / STEP_S;
  for (var t = 0u; t < taps_r * taps_s; t++) {
    let r = r0 + t / taps_s * STEP_R;
    let s = s0 + t % taps_s * STEP_S;
    let up = (i32(class_h) + PAD_TOP - i32(r * DILATION_H)) / i32(STRIDE_H);
    let across = (i32(class_w) + PAD_LEFT - i32(s * DILATION_W)) / i32(STRIDE_W);
    let b = weight[(r * S + s) * (4u * C4) + c];
    for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
      // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
      let p = u32(row[i] + up);
      let q = u32(column[i] + across);
      let inside = p < P && q < Q;
      let at = select(0u, (image[i] * P + p) * Q + q, inside) * C4 + c;
      acc[i] += select(vec4<f32>(), a_load(at, c), inside) * b;
    }
  }
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    let h = u32(row[i]) * STRIDE_H + class_h;
    let w = u32(column[i]) * STRIDE_W + class_w;
    if (first + i < PIXELS && h < H && w < W) {
      let at = ((image[i] * H + h) * W + w) * C4 + c;
      dx[at] = epilogue(acc[i], at, c);
    }
  }
}
