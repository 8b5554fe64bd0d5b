// conv2d_forward_depthwise_block — y[n,p,q,c] = Σ_r,s x[n, p·stride + r·dilation − pad, …, c] · weight[r,s,c], channels
// last. One thread computes TILE_ROWS × TILE_PIXELS output pixels of an image × one vec4 of channels. It reads the
// IN_ROWS × COLUMNS input pixels under them once; which of them a pixel and a tap meet in is known when the loops are
// unrolled. Bindings: x, y [N,H,W,C/4]; weight [R,S,4,C/4] with its first row used.
alias Elem = vec4<f32>;
const TILE_ROWS: u32 = 1u;
const TILE_PIXELS: u32 = 1u;
const IN_ROWS: u32 = 1u; // (TILE_ROWS − 1)·stride + (R − 1)·dilation + 1
const COLUMNS: u32 = 1u; // (TILE_PIXELS − 1)·stride + (S − 1)·dilation + 1
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
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;

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
fn conv2d_forward_depthwise_block(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  const Q_TILES = (Q + TILE_PIXELS - 1u) / TILE_PIXELS;
  const P_TILES = (P + TILE_ROWS - 1u) / TILE_ROWS;
  let thread = id.y * groups.x * 64u + id.x;
  let c = thread % C4;
  let q0 = thread / C4 % Q_TILES * TILE_PIXELS;
  let p0 = thread / (C4 * Q_TILES) % P_TILES * TILE_ROWS;
  let n = thread / (C4 * Q_TILES * P_TILES);
  if (n >= N) {
    return;
  }
  let top = i32(p0 * STRIDE_H) - PAD_TOP;
  let left = i32(q0 * STRIDE_W) - PAD_LEFT;
  var a: array<vec4<f32>, IN_ROWS * COLUMNS>;
  for (var row = 0u; row < IN_ROWS; row++) { // unroll
    // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
    let h = u32(top + i32(row));
    let base = (n * H + min(h, H - 1u)) * W;
    for (var column = 0u; column < COLUMNS; column++) { // unroll
      let w = u32(left + i32(column));
      let loaded = a_load((base + min(w, W - 1u)) * C4 + c, c);
      a[row * COLUMNS + column] = select(vec4<f32>(), loaded, (h < H) & (w < W));
    }
  }
  var acc: array<vec4<f32>, TILE_ROWS * TILE_PIXELS>;
  for (var r = 0u; r < R; r++) { // unroll
    for (var s = 0u; s < S; s++) { // unroll
      let b = b_load((r * S + s) * (4u * C4) + c);
      for (var t = 0u; t < TILE_ROWS; t++) { // unroll
        for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
          acc[t * TILE_PIXELS + i] +=
            a[(t * STRIDE_H + r * DILATION_H) * COLUMNS + i * STRIDE_W + s * DILATION_W] * b;
        }
      }
    }
  }
  for (var t = 0u; t < TILE_ROWS; t++) { // unroll
    for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
      if (p0 + t < P && q0 + i < Q) {
        let at = ((n * P + p0 + t) * Q + q0 + i) * C4 + c;
        y[at] = epilogue(acc[t * TILE_PIXELS + i], at, c);
      }
    }
  }
}
