// conv2d_forward_few — y[n,p,q,k] = Σ_r,s,c x[n,c, p·stride + r·dilation − pad, …] · weight[r,s,c,k] for images of one
// to three channels, read where they lie as N,C,H,W: padding them to a vec4 would multiply the work.
// One thread computes TILE_PIXELS consecutive pixels of one output row × TILE_VECS vec4s of output channels. For each
// kernel row and channel it reads the COLUMNS input columns under them once, so that addresses cost little beside the
// products; which column a pixel and a tap meet in is known when the loops are unrolled.
// Bindings: x [N,C,H,W]; weight [R,S,4,K/4], whose padding is 0; y [N,P,Q,K/4].
// Source: implicit GEMM, Chetlur et al. 2014 (arXiv:1410.0759) §3.
alias Elem = vec4<f32>;
const TILE_PIXELS: u32 = 4u;
const TILE_VECS: u32 = 1u;
const COLUMNS: u32 = 4u; // (TILE_PIXELS − 1)·stride + (S − 1)·dilation + 1
const ALL_ROWS: u32 = 1u; // N·P
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
const C: u32 = 1u;
const K4: u32 = 1u; // vec4s of output channels
const STRIDE_H: u32 = 1u;
const STRIDE_W: u32 = 1u;
const DILATION_H: u32 = 1u;
const DILATION_W: u32 = 1u;
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

// Hook: element i of x, of channel c.
fn a_load(i: u32, c: u32) -> f32 { return x[i]; }

// Hook: vec4 i of the weight.
fn b_load(i: u32) -> vec4<f32> { return weight[i]; }

// Fusion hook: v is about to be stored as vec4 i of y, of channels 4c to 4c+3.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

@compute @workgroup_size(64)
fn conv2d_forward_few(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  const K_TILES = (K4 + TILE_VECS - 1u) / TILE_VECS;
  const Q_TILES = (Q + TILE_PIXELS - 1u) / TILE_PIXELS;
  let thread = id.y * groups.x * 64u + id.x;
  let k0 = thread % K_TILES * TILE_VECS;
  let q0 = thread / K_TILES % Q_TILES * TILE_PIXELS;
  let row = thread / (K_TILES * Q_TILES);
  if (row >= ALL_ROWS) {
    return;
  }
  let left = i32(q0 * STRIDE_W) - PAD_LEFT;
  var acc: array<vec4<f32>, TILE_PIXELS * TILE_VECS>;
  // One loop over rows and channels together: each loop costs more than the division it saves.
  for (var rc = 0u; rc < R * C; rc++) {
    let r = rc / C;
    let c = rc % C;
    let h = u32(i32(row % P * STRIDE_H + r * DILATION_H) - PAD_TOP);
    let base = ((row / P * C + c) * H + min(h, H - 1u)) * W;
    var a: array<f32, COLUMNS>;
    for (var column = 0u; column < COLUMNS; column++) { // unroll
      // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
      let w = u32(left + i32(column));
      a[column] = select(0.0, a_load(base + min(w, W - 1u), c), h < H && w < W);
    }
    let b_base = (r * S * 4u + c) * K4 + k0;
    for (var s = 0u; s < S; s++) { // unroll
      for (var j = 0u; j < TILE_VECS; j++) { // unroll
        let b = b_load(b_base + s * (4u * K4) + j);
        for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
          acc[i * TILE_VECS + j] += a[i * STRIDE_W + s * DILATION_W] * b;
        }
      }
    }
  }
  for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
    for (var j = 0u; j < TILE_VECS; j++) { // unroll
      if (q0 + i < Q && k0 + j < K4) {
        let at = (row * Q + q0 + i) * K4 + k0 + j;
        y[at] = epilogue(acc[i * TILE_VECS + j], at, k0 + j);
      }
    }
  }
}
