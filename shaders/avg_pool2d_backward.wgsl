// avg_pool2d_backward — dx[n,h,w,c] = Σ dy[n,p,q,c] / divisor(p, q) over the windows that hold pixel (h, w).
// One thread per input pixel and vec4 of channels. Bindings: dy [N,P,Q,C/4], dx [N,H,W,C/4].
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

@group(0) @binding(0) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dx: array<vec4<f32>>;

// Fusion hook: v is about to be stored as vec4 i of dx, of channels 4c to 4c+3.
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

// First window that may hold a pixel, and the end.
fn candidates(at: u32, windows: u32, size: u32, kernel: u32, stride: u32, before: i32) -> vec2u {
  if (ADAPTIVE) {
    return vec2u(at * windows / size, min(((at + 1u) * windows + size - 1u) / size, windows));
  }
  let place = i32(at) + before;
  let first = max(place - i32(kernel) + 1i, 0i);
  return vec2u((u32(first) + stride - 1u) / stride, min(u32(place) / stride + 1u, windows));
}

@compute @workgroup_size(64)
fn avg_pool2d_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let c = i % C4;
  let w = i / C4 % W;
  let h = i / (C4 * W) % H;
  let n = i / (C4 * W * H);
  let ps = candidates(h, P, H, R, STRIDE_H, PAD_TOP);
  let qs = candidates(w, Q, W, S, STRIDE_W, PAD_LEFT);
  var total = vec4<f32>();
  for (var p = ps.x; p < ps.y; p++) {
    let rows = span(p, P, H, R, STRIDE_H, PAD_TOP, PAD_BOTTOM);
    for (var q = qs.x; q < qs.y; q++) {
      let columns = span(q, Q, W, S, STRIDE_W, PAD_LEFT, PAD_RIGHT);
      let holds = i32(h) >= rows.x && i32(h) < rows.y && i32(w) >= columns.x && i32(w) < columns.y;
      if (holds) {
        total += dy[((n * P + p) * Q + q) * C4 + c] / divisor(rows, columns);
      }
    }
  }
  dx[i] = epilogue(total, i, c);
}
