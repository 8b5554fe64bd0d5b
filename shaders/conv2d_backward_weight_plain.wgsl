// conv2d_backward_weight_plain — dweight[k,c,r,s] = Σ_n,p,q x[n, group(k)·C' + c, p·stride + r·dilation − pad, …] ·
// dy[n,k,p,q] in N,C,H,W, for channels per group that no vec4 holds. One thread per weight sums ROWS rows of output
// pixels, each row apart. Where there are several such ranges, each stores its own copy of the weight.
const COUNT: u32 = 1u;
const ROWS: u32 = 1u; // rows of output pixels per range
const ALL_ROWS: u32 = 1u; // N·P
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
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dweight: array<f32>;

@compute @workgroup_size(64)
fn conv2d_backward_weight_plain(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let thread = id.y * groups.x * 64u + id.x;
  let at = thread % COUNT;
  let first = thread / COUNT * ROWS;
  if (first >= ALL_ROWS) {
    return;
  }
  let k = at / (GROUP_C * R * S);
  let channel = k / GROUP_K * GROUP_C + at / (R * S) % GROUP_C;
  let down = i32(at / S % R * DILATION_H) - PAD_TOP;
  let shift = i32(at % S * DILATION_W) - PAD_LEFT;
  let last = min(first + ROWS, ALL_ROWS);
  var total = 0.0;
  for (var row = first; row < last; row++) {
    let n = row / P;
    let p = row % P;
    let h = u32(i32(p * STRIDE_H) + down);
    if (h >= H) {
      continue;
    }
    var sum = 0.0;
    for (var q = 0u; q < Q; q++) {
      let w = u32(i32(q * STRIDE_W) + shift);
      if (w < W) {
        sum += x[((n * C + channel) * H + h) * W + w] * dy[((n * K + k) * P + p) * Q + q];
      }
    }
    total += sum;
  }
  dweight[thread] = total;
}
