// avg_pool2d — y[n,p,q,c] = Σ x over the window of (p, q) inside the image / divisor, channels last.
// One thread per output pixel and vec4 of channels. Windows are kernels a stride apart, or (ADAPTIVE) the parts into
// which the image divides. Bindings: x [N,H,W,C/4], y [N,P,Q,C/4]. Source: torch.nn.AvgPool2d, AdaptiveAvgPool2d.
alias Elem = vec4<f32>;
const COUNT: u32 = 1u;
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const C4: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
const STRIDE_H: u32 = 1u;
const STRIDE_W: u32 = 1u;
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;
const PAD_BOTTOM: i32 = 0i;
const PAD_RIGHT: i32 = 0i;
const INCLUDE_PAD: bool = true;
const ADAPTIVE: bool = false;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

// Fusion hook: v is about to be stored as vec4 i of y, of channels 4c to 4c+3.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

// Window `at` along an axis: first pixel and end inside the image, and its length with the padding that counts.
fn span(at: u32, windows: u32, size: u32, kernel: u32, stride: u32, before: i32, after: i32) -> vec3i {
  if (ADAPTIVE) {
    let first = i32(at * size / windows);
    let end = i32(((at + 1u) * size + windows - 1u) / windows);
    return vec3i(first, end, end - first);
  }
  let start = i32(at * stride) - before;
  let stop = min(start + i32(kernel), i32(size) + after);
  return vec3i(max(start, 0i), min(stop, i32(size)), stop - start);
}

// What the window's sum is divided by.
fn divisor(rows: vec3i, columns: vec3i) -> f32 {
  if (INCLUDE_PAD) {
    return f32(rows.z * columns.z);
  }
  return f32((rows.y - rows.x) * (columns.y - columns.x));
}

@compute @workgroup_size(64)
fn avg_pool2d(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let c = i % C4;
  let q = i / C4 % Q;
  let p = i / (C4 * Q) % P;
  let n = i / (C4 * Q * P);
  let rows = span(p, P, H, R, STRIDE_H, PAD_TOP, PAD_BOTTOM);
  let columns = span(q, Q, W, S, STRIDE_W, PAD_LEFT, PAD_RIGHT);
  var total = vec4<f32>();
  for (var h = u32(rows.x); h < u32(rows.y); h++) {
    var line = vec4<f32>();
    for (var w = u32(columns.x); w < u32(columns.y); w++) {
      line += x[((n * H + h) * W + w) * C4 + c];
    }
    total += line;
  }
  y[i] = epilogue(total / divisor(rows, columns), i, c);
}
