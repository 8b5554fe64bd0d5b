// avg_pool2d_backward_windows — dx of average pooling whose windows stand apart, all inside the image: dy / (R·S) in
// each window, 0 elsewhere. One thread computes ITEMS cells (a window and the gap behind it) of one vec4 of channels, a
// whole grid apart; a grid is a multiple of the channels. Bindings: dy [N,P,Q,C/4], dx [N,H,W,C/4].
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

@group(0) @binding(0) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dx: array<vec4<f32>>;

// Hook: what a thread keeps of its channels.
fn channel(c: u32) -> Channel { return Channel(); }
// Fusion hook: v is about to be stored as vec4 i of dx.
fn epilogue(v: Elem, i: u32, k: Channel) -> Elem { return v; }

@compute @workgroup_size(64)
fn avg_pool2d_backward_windows(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  // No pixel lies outside of the windows.
  const EXACT = R == STRIDE_H && S == STRIDE_W && CELLS_H == P && CELLS_W == Q;
  let first = id.y * groups.x * 64u + id.x;
  let c = first % C4;
  let k = channel(c);
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
    let whole = EXACT || (p < P && q < Q);
    let sum = select(vec4<f32>(), dy[select(0u, ((n * P + p) * Q + q) * C4 + c, whole)], whole);
    let share = sum / f32(R * S);
    for (var r = 0u; r < STRIDE_H; r++) { // unroll
      for (var s = 0u; s < STRIDE_W; s++) { // unroll
        if (EXACT || (p * STRIDE_H + r < H && q * STRIDE_W + s < W)) {
          let at = (corner + r * W + s) * C4 + c;
          dx[at] = epilogue(select(vec4<f32>(), share, r < R && s < S), at, k);
        }
      }
    }
  }
}
