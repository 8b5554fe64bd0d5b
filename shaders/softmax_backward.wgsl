// softmax_backward — gradient along one axis from y: dx = y·(dy − Σ y·dy), for the logarithm dx = dy − e^y·Σ dy.
// One thread per line; y and dy each in its own layout, dx in y's. KEPT_* are the other axes as (size, strides).
alias Elem = f32;
alias Word = u32;
const COUNT: u32 = 1u;
const LENGTH: u32 = 1u;
const Y_STRIDE: u32 = 1u;
const DY_STRIDE: u32 = 1u;
const KEPT_SIZE_1: u32 = 1u;
const KEPT_SIZE_2: u32 = 1u;
const KEPT_SIZE_3: u32 = 1u;
const Y_STRIDE_0: u32 = 0u;
const Y_STRIDE_1: u32 = 0u;
const Y_STRIDE_2: u32 = 0u;
const Y_STRIDE_3: u32 = 0u;
const DY_STRIDE_0: u32 = 0u;
const DY_STRIDE_1: u32 = 0u;
const DY_STRIDE_2: u32 = 0u;
const DY_STRIDE_3: u32 = 0u;

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

// Hook: what is summed along the axis.
fn term(upstream: f32, value: f32) -> f32 { return upstream * value; }
// Hook: the gradient, given that sum.
fn result(upstream: f32, value: f32, total: f32) -> f32 { return value * (upstream - total); }

// e^r − 1 for |r| <= log(2)/2, within 4e-9: r + r²·q(r), q of least largest error.
fn exp_tail(r: Elem) -> Elem {
  let q = (((0.001395081 * r + 0.0083690733) * r + 0.0416662022) * r + 0.16666517) * r + 0.5;
  return r + r * r * q;
}

// 2^n for integers n from −252 to 254, times v, in two steps: the power alone may be no normal number.
fn scale_by_power(v: Elem, n: Elem) -> Elem {
  let half = floor(n * 0.5);
  let first = bitcast<Elem>(Word(half + 127.0) << Word(23u));
  let second = bitcast<Elem>(Word(n - half + 127.0) << Word(23u));
  return v * first * second;
}

// e^x within two units of the last place; the built-in function loses a digit far from 0.
fn exponential(x: Elem) -> Elem {
  let low = select(x, Elem(-104.0), x < Elem(-104.0));
  let bounded = select(low, Elem(89.0), x > Elem(89.0));
  let n = round(bounded * 1.44269504);
  let r = (bounded - n * 0.693359375) + n * 0.00021219444;
  return scale_by_power(1.0 + exp_tail(r), n);
}

@compute @workgroup_size(64)
fn softmax_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let i3 = i % KEPT_SIZE_3;
  let i2 = (i / KEPT_SIZE_3) % KEPT_SIZE_2;
  let i1 = (i / (KEPT_SIZE_3 * KEPT_SIZE_2)) % KEPT_SIZE_1;
  let i0 = i / (KEPT_SIZE_3 * KEPT_SIZE_2 * KEPT_SIZE_1);
  let at_y = i0 * Y_STRIDE_0 + i1 * Y_STRIDE_1 + i2 * Y_STRIDE_2 + i3 * Y_STRIDE_3;
  let at_dy = i0 * DY_STRIDE_0 + i1 * DY_STRIDE_1 + i2 * DY_STRIDE_2 + i3 * DY_STRIDE_3;
  var total = 0.0;
  for (var k = 0u; k < LENGTH; k++) {
    total += term(dy[at_dy + k * DY_STRIDE], y[at_y + k * Y_STRIDE]);
  }
  for (var k = 0u; k < LENGTH; k++) {
    dx[at_y + k * Y_STRIDE] = result(dy[at_dy + k * DY_STRIDE], y[at_y + k * Y_STRIDE], total);
  }
}
