enable subgroups;
// conv2d_forward_quads — conv2d_forward for adapters whose subgroups are four lanes: y[n,p,q,k] = Σ_r,s,c
// x[n, p·stride + r·dilation − pad, …, c] · weight[r,s,c,k], channels last. One lane computes TILE_PIXELS consecutive
// output pixels × TILE_VECS vec4s of output channels. Where SHARE_PIXELS is 2, horizontal neighbours of a quad take
// the same pixels and different channels, each reads half of the pixels and swaps for the other half; where it is 1
// they take different pixels. Where SHARE_VECS is 2, vertical neighbours do the same with the weight. A lane's tile
// therefore begins with the half that it reads itself. Everything a loop depends on derives from constants.
// Bindings: x, y [N,H,W,C/4]; weight [R,S,C/groups,K/4], whose padding is 0.
// Source: implicit GEMM, Chetlur et al. 2014 (arXiv:1410.0759) §3.
alias Elem = vec4<f32>;
const QUADS: u32 = 16u; // subgroups of a workgroup
const THREADS: u32 = 4u * QUADS;
const TILE_PIXELS: u32 = 8u;
const TILE_VECS: u32 = 2u;
const SHARE_PIXELS: u32 = 2u; // 1 or 2
const SHARE_VECS: u32 = 2u; // 1 or 2, 1 where TILE_VECS is 1
const OWN_PIXELS: u32 = TILE_PIXELS / SHARE_PIXELS;
const OWN_VECS: u32 = TILE_VECS / SHARE_VECS;
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

@compute @workgroup_size(THREADS)
fn conv2d_forward_quads(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  const K_TILES = (K4 + TILE_VECS * SHARE_PIXELS - 1u) / (TILE_VECS * SHARE_PIXELS);
  let quad = (id.y * groups.x + id.x) * QUADS + index / 4u;
  let across = index % 2u;
  let down = index / 2u % 2u;
  let tile_k0 = quad % K_TILES * (TILE_VECS * SHARE_PIXELS);
  let k0 = tile_k0 + across % SHARE_PIXELS * TILE_VECS;
  let tile = (quad / K_TILES) * (4u / SHARE_PIXELS) + down * (2u / SHARE_PIXELS) + across / SHARE_PIXELS;
  let first = tile * TILE_PIXELS;
  let c0 = tile_k0 / GROUP_K4 * GROUP_C4;
  // The half of the tile that this lane reads, and the half that its neighbour reads.
  let own_pixel = first + across % SHARE_PIXELS * OWN_PIXELS;
  let other_pixel = first + (1u - across) * OWN_PIXELS;
  let own_vec = k0 + down % SHARE_VECS * OWN_VECS;
  let other_vec = k0 + (1u - down) * OWN_VECS;
  var image: array<u32, OWN_PIXELS>;
  var top: array<i32, OWN_PIXELS>;
  var left: array<i32, OWN_PIXELS>;
  for (var i = 0u; i < OWN_PIXELS; i++) { // unroll
    let pixel = min(own_pixel + i, PIXELS - 1u);
    image[i] = pixel / (P * Q) * (H * W);
    top[i] = i32(pixel / Q % P * STRIDE_H) - PAD_TOP;
    left[i] = i32(pixel % Q * STRIDE_W) - PAD_LEFT;
  }
  var acc: array<vec4<f32>, TILE_PIXELS * TILE_VECS>;
  var total: array<vec4<f32>, TILE_PIXELS * TILE_VECS>;
  for (var tap = 0u; tap < R * S; tap++) {
    var base: array<u32, OWN_PIXELS>;
    var inside: array<bool, OWN_PIXELS>;
    for (var i = 0u; i < OWN_PIXELS; i++) { // unroll
      // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
      let h = u32(top[i] + i32(tap / S * DILATION_H));
      let w = u32(left[i] + i32(tap % S * DILATION_W));
      inside[i] = (h < H) & (w < W);
      base[i] = select(0u, (image[i] + h * W + w) * C4, inside[i]) + c0;
    }
    var b_base = tap * (GROUP_C4 * 4u * K4) + own_vec;
    for (var c = 0u; c < GROUP_C4; c++) {
      var a: array<vec4<f32>, TILE_PIXELS>;
      for (var i = 0u; i < OWN_PIXELS; i++) { // unroll
        a[i] = select(vec4<f32>(), a_load(base[i] + c, c0 + c), inside[i]);
      }
      for (var i = OWN_PIXELS; i < TILE_PIXELS; i++) { // unroll
        a[i] = quadSwapX(a[i - OWN_PIXELS]);
      }
      // The 4×4 blocks of the weight are turned, so that a result is a dot product: it needs fewer registers at once.
      var b: array<vec4<f32>, 4u * TILE_VECS>;
      for (var j = 0u; j < OWN_VECS; j++) { // unroll
        let b0 = b_load(b_base + j);
        let b1 = b_load(b_base + K4 + j);
        let b2 = b_load(b_base + 2u * K4 + j);
        let b3 = b_load(b_base + 3u * K4 + j);
        for (var e = 0u; e < 4u; e++) { // unroll
          b[j * 4u + e] = vec4<f32>(b0[e], b1[e], b2[e], b3[e]);
        }
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
      b_base += 4u * K4;
    }
    for (var t = 0u; t < TAPS_APART * TILE_PIXELS * TILE_VECS; t++) { // unroll
      total[t] += acc[t];
      acc[t] = vec4<f32>();
    }
  }
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    let pixel = select(other_pixel + i - OWN_PIXELS, own_pixel + i, i < OWN_PIXELS);
    for (var j = 0u; j < TILE_VECS; j++) { // unroll
      let k = select(other_vec + j - OWN_VECS, own_vec + j, j < OWN_VECS);
      if (pixel < PIXELS && k < K4) {
        let at = pixel * K4 + k;
        y[at] = epilogue(total[i * TILE_VECS + j] + acc[i * TILE_VECS + j], at, k);
      }
    }
  }
}
