// max_pool2d_backward — dx[n,h,w,c] = Σ dy[n,p,q,c] over the windows whose first maximum, row by row, is pixel (h, w).
// One thread computes a cell of CELL_H × CELL_W pixels × one vec4 of channels: it finds the maximum of every window
// that reaches into the cell again and gives dy to the pixel it lies at, if that is one of the cell's. Taps are visited
// backwards and equal ones replace each other, so the first stays. Cells start in the padding, in step with the
// windows. Bindings: x, dx [N,H,W,C/4]; dy [N,P,Q,C/4].
alias Elem = vec4<f32>;
const CELL_H: u32 = 1u;
const CELL_W: u32 = 1u;
const CELLS_H: u32 = 1u;
const CELLS_W: u32 = 1u;
const S_STEP: u32 = 1u; // divides S
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
const PAD_TOP: u32 = 0u;
const PAD_LEFT: u32 = 0u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;

// Hook: v of channels 4c to 4c+3 with 0 in the lanes beyond the last channel.
fn lanes(v: vec4<f32>, c: u32) -> vec4<f32> { return v; }

// Fusion hook: v is about to be stored as vec4 i of dx, of channels 4c to 4c+3.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

// True where a lane is a NaN: a comparison of v with itself may be folded away.
fn is_nan4(v: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

// The pixel h·W + w of the first maximum of window (p, q) of image n, in each lane.
fn first_maximum(n: u32, p: u32, q: u32, c: u32) -> vec4u {
  var lowest_bits = 0xff800000u; // −∞
  var largest = vec4<f32>(bitcast<f32>(lowest_bits));
  var place = vec4u();
  for (var r = R; r > 0u; r--) {
    // A pixel before the image becomes a huge unsigned number: one comparison covers both ends.
    let h = p * STRIDE_H + (r - 1u) * DILATION_H - PAD_TOP;
    if (h >= H) {
      continue;
    }
    for (var rest = S; rest > 0u; rest -= S_STEP) {
      for (var i = 1u; i < S_STEP + 1u; i++) { // unroll
        let w = q * STRIDE_W + (rest - i) * DILATION_W - PAD_LEFT;
        let inside = w < W;
        let pixel = h * W + select(0u, w, inside);
        let v = x[(n * (H * W) + pixel) * C4 + c];
        let wins = ((v >= largest) | is_nan4(v)) & vec4<bool>(inside);
        largest = select(largest, v, wins);
        place = select(place, vec4u(pixel), wins);
      }
    }
  }
  return place;
}

@compute @workgroup_size(64)
fn max_pool2d_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  const SPAN_H = (R - 1u) * DILATION_H; // pixels from the first tap of a window to the last
  const SPAN_W = (S - 1u) * DILATION_W;
  let thread = id.y * groups.x * 64u + id.x;
  let c = thread % C4;
  let left = thread / C4 % CELLS_W * CELL_W;
  let top = thread / (C4 * CELLS_W) % CELLS_H * CELL_H;
  let n = thread / (C4 * CELLS_W * CELLS_H);
  if (n >= N) {
    return;
  }
  var acc: array<vec4<f32>, CELL_H * CELL_W>;
  let p_end = min((top + CELL_H - 1u) / STRIDE_H + 1u, P);
  let q_end = min((left + CELL_W - 1u) / STRIDE_W + 1u, Q);
  for (var p = (max(top, SPAN_H) - SPAN_H + STRIDE_H - 1u) / STRIDE_H; p < p_end; p++) {
    for (var q = (max(left, SPAN_W) - SPAN_W + STRIDE_W - 1u) / STRIDE_W; q < q_end; q++) {
      let place = first_maximum(n, p, q, c);
      let share = dy[((n * P + p) * Q + q) * C4 + c];
      for (var i = 0u; i < CELL_H; i++) { // unroll
        for (var j = 0u; j < CELL_W; j++) { // unroll
          let pixel = (top + i - PAD_TOP) * W + (left + j - PAD_LEFT);
          acc[i * CELL_W + j] += select(vec4<f32>(), share, place == vec4u(pixel));
        }
      }
    }
  }
  for (var i = 0u; i < CELL_H; i++) { // unroll
    for (var j = 0u; j < CELL_W; j++) { // unroll
      let h = top + i - PAD_TOP;
      let w = left + j - PAD_LEFT;
      if (h < H && w < W) {
        let at = ((n * H + h) * W + w) * C4 + c;
        dx[at] = epilogue(lanes(acc[i * CELL_W + j], c), at, c);
      }
    }
  }
}
