// max_pool2d_backward_windows — dx of max pooling whose windows stand apart, all inside the image: dy at the first
// maximum of each window, row by row, 0 elsewhere. One thread computes ITEMS cells (a window and the gap behind it) of
// one vec4 of channels, a whole grid apart; a grid is a multiple of the channels. Taps are visited backwards and equal
// ones replace each other, so the first stays. Bindings: x, dx [N,H,W,C/4]; dy [N,P,Q,C/4].
alias Elem = vec4<f32>;
alias Channel = array<Elem, 1>;
const COUNT: u32 = 1u;
const ITEMS: u32 = 1u;
const CELLS_H: u32 = 1u;
const CELLS_W: u32 = 1u;
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
const C4: u32 = 1u;
const STRIDE_H: u32 = 1u;
const STRIDE_W: u32 = 1u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;

// Hook: v of channels 4c to 4c+3 with 0 in the lanes beyond the last channel.
fn lanes(v: vec4<f32>, c: u32) -> vec4<f32> { return v; }
// Hook: what a thread keeps of its channels.
fn channel(c: u32) -> Channel { return Channel(); }
// Fusion hook: vec4 i of x, just read.
fn prologue(x: Elem, i: u32, k: Channel) -> Elem { return x; }
// Fusion hook: v is about to be stored as vec4 i of dx, x was read there, of which the prologue made z.
fn epilogue(v: Elem, x: Elem, z: Elem, i: u32, k: Channel) -> Elem { return v; }

// True where a lane is a NaN: a comparison of v with itself may be folded away.
fn is_nan4(v: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

@compute @workgroup_size(64)
fn max_pool2d_backward_windows(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  // No pixel lies outside of the windows.
  const EXACT = R == STRIDE_H && S == STRIDE_W && CELLS_H == P && CELLS_W == Q;
  let first = id.y * groups.x * 64u + id.x;
  let c = first % C4;
  let k = channel(c);
  var lowest_bits = 0xff800000u; // −∞
  let lowest = vec4<f32>(bitcast<f32>(lowest_bits));
  for (var item = 0u; item < ITEMS; item++) {
    let i = first + item * groups.x * groups.y * 64u;
    if (i >= COUNT) {
      return;
    }
    let cell = i / C4;
    let row = cell / CELLS_W;
    let n = row / CELLS_H;
    let p = row - n * CELLS_H;
    let q = cell - row * CELLS_W;
    let corner = (n * H + p * STRIDE_H) * W + q * STRIDE_W;
    var v: array<vec4<f32>, STRIDE_H * STRIDE_W>;
    var z: array<vec4<f32>, STRIDE_H * STRIDE_W>;
    for (var r = 0u; r < STRIDE_H; r++) { // unroll
      for (var s = 0u; s < STRIDE_W; s++) { // unroll
        let inside = EXACT || (p * STRIDE_H + r < H && q * STRIDE_W + s < W);
        let at = select(0u, (corner + r * W + s) * C4 + c, inside);
        v[r * STRIDE_W + s] = x[at];
        z[r * STRIDE_W + s] = prologue(v[r * STRIDE_W + s], at, k);
      }
    }
    var largest = lowest;
    var place = vec4u();
    for (var r = 0u; r < R; r++) { // unroll
      for (var s = 0u; s < S; s++) { // unroll
        let tap = (R - 1u - r) * STRIDE_W + S - 1u - s;
        let made = z[(R - 1u - r) * STRIDE_W + S - 1u - s];
        let wins = (made >= largest) | is_nan4(made);
        largest = select(largest, made, wins);
        place = select(place, vec4u(tap), wins);
      }
    }
    let whole = EXACT || (p < P && q < Q);
    let share = select(vec4<f32>(), dy[select(0u, ((n * P + p) * Q + q) * C4 + c, whole)], whole);
    for (var r = 0u; r < STRIDE_H; r++) { // unroll
      for (var s = 0u; s < STRIDE_W; s++) { // unroll
        if (EXACT || (p * STRIDE_H + r < H && q * STRIDE_W + s < W)) {
          let at = (corner + r * W + s) * C4 + c;
          // A tap of the gap behind the window never holds the maximum.
          let here = (place == vec4u(r * STRIDE_W + s)) & vec4<bool>(r < R && s < S);
          let d = lanes(select(vec4<f32>(), share, here), c);
          dx[at] = epilogue(d, v[r * STRIDE_W + s], z[r * STRIDE_W + s], at, k);
        }
      }
    }
  }
}
