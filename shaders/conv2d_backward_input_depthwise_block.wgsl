// conv2d_backward_input_depthwise_block — conv2d_backward_input_depthwise at stride 1: dx[n,h,w,c] = Σ_r,s
// dy[n, h + pad − r·dilation, …, c] · weight[r,s,c], a convolution with the kernel turned round, channels last.
// One thread computes TILE_ROWS × TILE_PIXELS pixels of an image × one vec4 of channels. It reads the IN_ROWS × COLUMNS
// pixels of dy under them once; which of them a pixel and a tap meet in is known when the loops are unrolled.
// Bindings: dy [N,P,Q,C/4]; weight [R,S,4,C/4] with its first row used; dx [N,H,W,C/4].
alias Elem = vec4<f32>;
const TILE_ROWS: u32 = 1u;
const TILE_PIXELS: u32 = 1u;
const IN_ROWS: u32 = 1u; // TILE_ROWS + (R − 1)·dilation
const COLUMNS: u32 = 1u; // TILE_PIXELS + (S − 1)·dilation
const N: u32 = 1u;
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
const C4: u32 = 1u;
const DILATION_H: u32 = 1u;
const DILATION_W: u32 = 1u;
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;

@group(0) @binding(0) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;

// Hook: vec4 i of dy, of channels 4c to 4c+3.
fn a_load(i: u32, c: u32) -> vec4<f32> { return dy[i]; }

// Hook: vec4 i of the weight.
fn b_load(i: u32) -> vec4<f32> { return weight[i]; }

// Fusion hook: v is about to be stored as vec4 i of dx, of channels 4c to 4c+3.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

@compute @workgroup_size(64)
fn conv2d_backward_input_depthwise_block(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  const W_TILES = (W + TILE_PIXELS - 1u) / TILE_PIXELS;
  const H_TILES = (H + TILE_ROWS - 1u) / TILE_ROWS;
  let thread = id.y * groups.x * 64u + id.x;
  let c = thread % C4;
  let w0 = thread / C4 % W_TILES * TILE_PIXELS;
  let h0 = thread / (C4 * W_TILES) % H_TILES * TILE_ROWS;
  let n = thread / (C4 * W_TILES * H_TILES);
  if (n >= N) {
    return;
  }
  let top = i32(h0) + PAD_TOP - i32((R - 1u) * DILATION_H);
  let left = i32(w0) + PAD_LEFT - i32((S - 1u) * DILATION_W);
  var a: array<vec4<f32>, IN_ROWS * COLUMNS>;
  for (var row = 0u; row < IN_ROWS; row++) { // unroll
    // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
    let p = u32(top + i32(row));
    let base = (n * P + min(p, P - 1u)) * Q;
    for (var column = 0u; column < COLUMNS; column++) { // unroll
      let q = u32(left + i32(column));
      let loaded = a_load((base + min(q, Q - 1u)) * C4 + c, c);
      a[row * COLUMNS + column] = select(vec4<f32>(), loaded, (p < P) & (q < Q));
    }
  }
  var acc: array<vec4<f32>, TILE_ROWS * TILE_PIXELS>;
  for (var r = 0u; r < R; r++) { // unroll
    for (var s = 0u; s < S; s++) { // unroll
      let b = b_load(((R - 1u - r) * S + S - 1u - s) * (4u * C4) + c);
      for (var t = 0u; t < TILE_ROWS; t++) { // unroll
        for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
          acc[t * TILE_PIXELS + i] +=
            a[(t + r * DILATION_H) * COLUMNS + i + s * DILATION_W] * b;
        }
      }
    }
  }
  for (var t = 0u; t < TILE_ROWS; t++) { // unroll
    for (var i = 0u; i < TILE_PIXELS; i++) { // unroll
      if (h0 + t < H && w0 + i < W) {
        let at = ((n * H + h0 + t) * W + w0 + i) * C4 + c;
        dx[at] = epilogue(acc[t * TILE_PIXELS + i], at, c);
      }
    }
  }
}
