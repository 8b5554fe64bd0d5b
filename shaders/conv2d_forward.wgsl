// conv2d_forward — y[n,p,q,k] = Σ_r,s,c x[n, p·stride + r·dilation − pad, …, c] · weight[r,s,c,k], channels last.
// One thread computes TILE_PIXELS consecutive output pixels × TILE_VECS vec4s of output channels in registers;
// neighbouring threads take neighbouring channels of the same pixels. The K loop has two levels: a tap's addresses are
// resolved once, then the loop over the group's input channels neither divides nor compares.
// Bindings: x, y [N,H,W,C/4]; weight [R,S,C/groups,K/4], whose padding is 0.
// Source: implicit GEMM, Chetlur et al. 2014 (arXiv:1410.0759) §3.
alias Elem = vec4<f32>;
const TILE_PIXELS: u32 = 4u;
const TILE_VECS: u32 = 1u;
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

@compute @workgroup_size(64)
fn conv2d_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  const K_TILES = (K4 + TILE_VECS - 1u) / TILE_VECS;
  let thread = id.y * groups.x * 64u + id.x;
  let k0 = (thread % K_TILES) * TILE_VECS;
  let first = (thread / K_TILES) * TILE_PIXELS;
  if (first >= PIXELS) {
    return;
  }
  let c0 = k0 / GROUP_K4 * GROUP_C4;
  var image: array<u32, TILE_PIXELS>;
  var top: array<i32, TILE_PIXELS>;
  var left: array<i32, TILE_PIXELS>;
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    let pixel = min(first + i, PIXELS - 1u);
    image[i] = pixel / (P * Q) * (H * W);
    top[i] = i32(pixel / Q % P * STRIDE_H) - PAD_TOP;
    left[i] = i32(pixel % Q * STRIDE_W) - PAD_LEFT;
  }
  var acc: array<vec4<f32>, TILE_PIXELS * TILE_VECS>;
  var total: array<vec4<f32>, TILE_PIXELS * TILE_VECS>;
  for (var tap = 0u; tap < R * S; tap++) {
    var base: array<u32, TILE_PIXELS>;
    var inside: array<bool, TILE_PIXELS>;
    for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
      // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
      let h = u32(top[i] + i32(tap / S * DILATION_H));
      let w = u32(left[i] + i32(tap % S * DILATION_W));
      inside[i] = h < H && w < W;
      base[i] = select(0u, (image[i] + h * W + w) * C4, inside[i]) + c0;
    }
    var b_base = tap * (GROUP_C4 * 4u * K4) + k0;
    for (var c = 0u; c < GROUP_C4; c++) {
      var a: array<vec4<f32>, TILE_PIXELS>;
      for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
        a[i] = select(vec4<f32>(), a_load(base[i] + c, c0 + c), inside[i]);
      }
      for (var j = 0u; j < TILE_VECS; j++) { // unroll
        let b0 = b_load(b_base + j);
        let b1 = b_load(b_base + K4 + j);
        let b2 = b_load(b_base + 2u * K4 + j);
        let b3 = b_load(b_base + 3u * K4 + j);
        // The 4×4 block of the weight is turned, so that a result is a dot product: it needs fewer registers at once.
        let t0 = vec4<f32>(b0.x, b1.x, b2.x, b3.x);
        let t1 = vec4<f32>(b0.y, b1.y, b2.y, b3.y);
        let t2 = vec4<f32>(b0.z, b1.z, b2.z, b3.z);
        let t3 = vec4<f32>(b0.w, b1.w, b2.w, b3.w);
        for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
          acc[i * TILE_VECS + j] += vec4<f32>(dot(a[i], t0), dot(a[i], t1), dot(a[i], t2), dot(a[i], t3));
        }
      }
      b_base += 4u * K4;
    }
    for (var t = 0u; t < TAPS_APART * TILE_PIXELS * TILE_VECS; t++) { // unroll
      total[t] += acc[t];
      acc[t] = vec4<f32>();
    }
  }
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    for (var j = 0u; j < TILE_VECS; j++) { // unroll
      if (first + i < PIXELS && k0 + j < K4) {
        let at = (first + i) * K4 + k0 + j;
        y[at] = epilogue(total[i * TILE_VECS + j] + acc[i * TILE_VECS + j], at, k0 + j);
      }
    }
  }
}
