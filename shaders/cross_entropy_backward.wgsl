// cross_entropy_backward — dx_c = d·(e^(x_c − m)/s·Σ q − q_c), d = dy / total; m, s, Σ q as saved forward.
// One thread per position and PART classes, in the logits' own layout: KEPT_* are the axes but the classes, as (size,
// stride) pairs, outermost first. DY_STEP is 0 where the loss is one number, whose mean divided by `total`.
// Bindings: logits, labels, weight (read where WEIGHTED), stats, dy, total, dx.
alias Elem = f32;
alias Word = u32;
alias Label = i32;
const COUNT: u32 = 1u;
const PART: u32 = 16u;
const DY_STEP: u32 = 1u;
const CLASSES: u32 = 1u;
const STRIDE: u32 = 1u;
const KEPT_SIZE_1: u32 = 1u;
const KEPT_SIZE_2: u32 = 1u;
const KEPT_SIZE_3: u32 = 1u;
const KEPT_STRIDE_0: u32 = 1u;
const KEPT_STRIDE_1: u32 = 0u;
const KEPT_STRIDE_2: u32 = 0u;
const KEPT_STRIDE_3: u32 = 0u;
const SPACE: u32 = 1u;
const PROBABILITIES: bool = false;
const WEIGHTED: bool = false;
const SMOOTHING: f32 = 0.0;
const IGNORED: i32 = -100;

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<Label>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read> total: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;

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

fn class_weight(c: u32) -> f32 {
  return select(1.0, weight[select(0u, c, WEIGHTED)], WEIGHTED);
}

// Coefficient q_c of position i, whose label is given where the targets are class indices.
fn coefficient(i: u32, label: i32, c: u32) -> f32 {
  var portion = select(0.0, 1.0, label == i32(c));
  if (PROBABILITIES) {
    portion = f32(labels[((i / SPACE) * CLASSES + c) * SPACE + i % SPACE]);
  }
  return class_weight(c) * ((1.0 - SMOOTHING) * portion + SMOOTHING / f32(CLASSES));
}

@compute @workgroup_size(64)
fn cross_entropy_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let thread = id.y * groups.x * 64u + id.x;
  let i = thread % COUNT;
  let first = (thread / COUNT) * PART;
  if (first >= CLASSES) {
    return;
  }
  let i3 = i % KEPT_SIZE_3;
  let i2 = (i / KEPT_SIZE_3) % KEPT_SIZE_2;
  let i1 = (i / (KEPT_SIZE_3 * KEPT_SIZE_2)) % KEPT_SIZE_1;
  let i0 = i / (KEPT_SIZE_3 * KEPT_SIZE_2 * KEPT_SIZE_1);
  let base = i0 * KEPT_STRIDE_0 + i1 * KEPT_STRIDE_1 + i2 * KEPT_STRIDE_2 + i3 * KEPT_STRIDE_3;
  let label = select(i32(labels[i]), 0i, PROBABILITIES);
  let counts = PROBABILITIES || label != IGNORED;
  let slope = dy[i * DY_STEP] / total[0];
  let largest = stats[i];
  let powers = stats[COUNT + i];
  let mass = stats[2u * COUNT + i];
  for (var c = first; c < min(first + PART, CLASSES); c++) {
    let at = base + c * STRIDE;
    let p = exponential(logits[at] - largest) / powers;
    let d = slope * (p * mass - coefficient(i, label, c));
    // Nothing flows to an ignored position, not even a NaN of its logits.
    dx[at] = select(0.0, d, counts);
  }
}
