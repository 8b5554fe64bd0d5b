// conv2d_backward_input_plain — dx[n,c,h,w] = Σ_k,r,s dy[n,k, (h + pad − r·dilation)/stride, …] · weight[k,c,r,s] over
// the taps whose division leaves no remainder, in N,C,H,W, for channels per group that no vec4 holds.
// One thread per element of dx; each output channel is summed apart.
alias Elem = f32;
const COUNT: u32 = 1u;
const C: u32 = 1u; // all input channels
const K: u32 = 1u; // all output channels
const GROUP_C: u32 = 1u;
const GROUP_K: u32 = 1u;
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
const STRIDE_H: u32 = 1u;
const STRIDE_W: u32 = 1u;
const DILATION_H: u32 = 1u;
const DILATION_W: u32 = 1u;
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

// Fusion hook: v is about to be stored as element i of dx, of channel c.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

@compute @workgroup_size(64)
fn conv2d_backward_input_plain(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = id.y * groups.x * 64u + id.x;
  if (at >= COUNT) {
    return;
  }
  let channel = at / (H * W) % C;
  let c = channel % GROUP_C;
  let first_k = channel / GROUP_C * GROUP_K;
  let bottom = i32(at / W % H) + PAD_TOP;
  let right = i32(at % W) + PAD_LEFT;
  let image = at / (H * W * C) * K;
  var total = 0.0;
  for (var k = first_k; k < first_k + GROUP_K; k++) {
    var sum = 0.0;
    for (var r = 0u; r < R; r++) {
      let down = bottom - i32(r * DILATION_H);
      if (down < 0 || down % i32(STRIDE_H) != 0 || u32(down) / STRIDE_H >= P) {
        continue;
      }
      for (var s = 0u; s < S; s++) {
        let across = right - i32(s * DILATION_W);
        if (across >= 0 && across % i32(STRIDE_W) == 0 && u32(across) / STRIDE_W < Q) {
          let dy_at = ((image + k) * P + u32(down) / STRIDE_H) * Q + u32(across) / STRIDE_W;
          sum += dy[dy_at] * weight[((k * GROUP_C + c) * R + r) * S + s];
        }
      }
    }
    total += sum;
  }
  dx[at] = epilogue(total, at, channel);
}
