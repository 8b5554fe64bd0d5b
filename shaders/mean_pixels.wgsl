// mean_pixels — y[n,c] = Σ over h, w of x[n,h,w,c] / (H·W), channels last. One thread per image and vec4 of channels;
// rows are summed apart, to keep rounding small. Bindings: x [N,H,W,C/4], y [N,C].
alias Elem = vec4<f32>;
alias Channel = array<Elem, 1>;
const COUNT: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const C4: u32 = 1u;
const CHANNELS: u32 = 1u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

// Hook: what a thread keeps of its channels.
fn channel(c: u32) -> Channel { return Channel(); }
// Fusion hook: vec4 i of x, just read.
fn prologue(x: Elem, i: u32, k: Channel) -> Elem { return x; }

@compute @workgroup_size(64)
fn mean_pixels(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let c = i % C4;
  let n = i / C4;
  let k = channel(c);
  var total = vec4<f32>();
  for (var h = 0u; h < H; h++) {
    var line = vec4<f32>();
    for (var w = 0u; w < W; w++) {
      let at = ((n * H + h) * W + w) * C4 + c;
      line += prologue(x[at], at, k);
    }
    total += line;
  }
  for (var lane = 0u; lane < 4u; lane++) { // unroll
    if (c * 4u + lane < CHANNELS) {
      y[n * CHANNELS + c * 4u + lane] = total[lane] / f32(H * W);
    }
  }
}
