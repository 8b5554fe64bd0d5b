// conv2d_forward_plain — y[n,k,p,q] = Σ_c,r,s x[n, group(k)·C' + c, p·stride + r·dilation − pad, …] · weight[k,c,r,s]
// in N,C,H,W for channels per group that no vec4 holds. One thread per element of y; each channel is summed apart.
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

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// Fusion hook: v is about to be stored as element i of y, of channel c.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

@compute @workgroup_size(64)
fn conv2d_forward_plain(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = id.y * groups.x * 64u + id.x;
  if (at >= COUNT) {
    return;
  }
  let k = at / (P * Q) % K;
  let top = i32(at / Q % P * STRIDE_H) - PAD_TOP;
  let left = i32(at % Q * STRIDE_W) - PAD_LEFT;
  let channel = at / (P * Q * K) * C + k / GROUP_K * GROUP_C;
  var total = 0.0;
  for (var c = 0u; c < GROUP_C; c++) {
    var sum = 0.0;
    for (var r = 0u; r < R; r++) {
      let h = u32(top + i32(r * DILATION_H));
      if (h >= H) {
        continue;
      }
      for (var s = 0u; s < S; s++) {
        let w = u32(left + i32(s * DILATION_W));
        if (w < W) {
          sum += x[((channel + c) * H + h) * W + w] * weight[((k * GROUP_C + c) * R + r) * S + s];
        }
      }
    }
    total += sum;
  }
  y[at] = epilogue(total, at, k);
}
