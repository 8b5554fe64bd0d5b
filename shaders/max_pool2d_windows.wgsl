// max_pool2d_windows — y[n,p,q,c] = max over r, s of x[n, p·stride + r, q·stride + s, c], channels last, all windows
// inside the image. One thread computes ITEMS output pixels of one vec4 of channels, a whole grid apart; a grid is a
// multiple of the channels. Bindings: x [N,H,W,C/4], y [N,P,Q,C/4].
alias Elem = vec4<f32>;
alias Channel = array<Elem, 1>;
const COUNT: u32 = 1u;
const ITEMS: u32 = 1u;
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
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

// Hook: v of channels 4c to 4c+3 with 0 in the lanes beyond the last channel.
fn lanes(v: vec4<f32>, c: u32) -> vec4<f32> { return v; }
// Hook: what a thread keeps of its channels.
fn channel(c: u32) -> Channel { return Channel(); }
// Fusion hook: vec4 i of x, just read.
fn prologue(x: Elem, i: u32, k: Channel) -> Elem { return x; }
// Fusion hook: v is about to be stored as vec4 i of y, of channels 4c to 4c+3.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

// True where a lane is a NaN: a comparison of v with itself may be folded away.
fn is_nan4(v: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

@compute @workgroup_size(64)
fn max_pool2d_windows(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let first = id.y * groups.x * 64u + id.x;
  let c = first % C4;
  let k = channel(c);
  // −∞, for which WGSL has no literal and no constant.
  var lowest_bits = 0xff800000u;
  let lowest = vec4<f32>(bitcast<f32>(lowest_bits));
  for (var item = 0u; item < ITEMS; item++) {
    let i = first + item * groups.x * groups.y * 64u;
    if (i >= COUNT) {
      return;
    }
    let pixel = i / C4;
    let row = pixel / Q;
    let n = row / P;
    let corner = (n * H + (row - n * P) * STRIDE_H) * W + (pixel - row * Q) * STRIDE_W;
    var largest = lowest;
    for (var r = 0u; r < R; r++) { // unroll
      for (var s = 0u; s < S; s++) { // unroll
        let at = (corner + r * W + s) * C4 + c;
        let v = prologue(x[at], at, k);
        largest = select(largest, v, (v > largest) | is_nan4(v));
      }
    }
    y[i] = epilogue(lanes(largest, c), i, c);
  }
}
