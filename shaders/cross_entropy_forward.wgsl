// cross_entropy_forward — per position: loss = Σ_c q_c·(m + log s − x_c), m = max x, s = Σ_c e^(x_c − m).
// q_c = w_c·((1 − SMOOTHING)·t_c + SMOOTHING / CLASSES), t one-hot at the label or the given probabilities.
// One thread per position (an example or a pixel), in the logits' own layout: KEPT_* are the axes but the classes, as
// (size, stride) pairs, outermost first. Labels and results are in logical order.
// Bindings: logits, labels, weight (read where WEIGHTED), loss, share (what a mean divides by), stats (m, s, Σ q).
alias Elem = f32;
alias Word = u32;
alias Label = i32;
const COUNT: u32 = 1u;
const CLASSES: u32 = 1u;
const STRIDE: u32 = 1u;
const KEPT_SIZE_1: u32 = 1u;
const KEPT_SIZE_2: u32 = 1u;
const KEPT_SIZE_3: u32 = 1u;
const KEPT_STRIDE_0: u32 = 1u;
const KEPT_STRIDE_1: u32 = 0u;
const KEPT_STRIDE_2: u32 = 0u;
const KEPT_STRIDE_3: u32 = 0u;
// Positions of one example.
const SPACE: u32 = 1u;
const PROBABILITIES: bool = false;
const WEIGHTED: bool = false;
const SMOOTHING: f32 = 0.0;
const IGNORED: i32 = -100;
const CHUNK: u32 = 32u;

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<Label>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> share: array<f32>;
@group(0) @binding(5) var<storage, read_write> stats: array<f32>;

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

// log x to the last digits also beside 1, where the built-in function has an absolute error of 5e-7 at worst.
// x = 2^e·f with f in [√½, √2), log f = 2 artanh s, s = (f − 1)/(f + 1).
fn logarithm(x: Elem) -> Elem {
  let bits = bitcast<Word>(x);
  let mantissa = bitcast<Elem>((bits & Word(0x007fffffu)) | Word(0x3f800000u));
  let large = mantissa > Elem(1.41421356);
  let f = select(mantissa, mantissa * 0.5, large);
  let e = Elem(bits >> Word(23u)) - select(Elem(127.0), Elem(126.0), large);
  let s = (f - 1.0) / (f + 1.0);
  let z = s * s;
  let tail = (((0.22222222 * z + 0.28571429) * z + 0.4) * z + 0.66666667) * z;
  let regular = e * 0.693359375 + (s * (2.0 + tail) - e * 0.00021219444);
  // −∞ at 0 and below 2^−126, NaN for negative numbers; infinity and NaN stay. No literals: WGSL has none for these.
  let at_zero = bitcast<Elem>((bits & Word(0x80000000u)) | Word(0xff800000u));
  let below_zero = bitcast<Elem>(bits | Word(0x7fc00000u));
  let special = select(select(x, at_zero, abs(x) < Elem(1.17549435e-38)), below_zero, x <= Elem(-1.17549435e-38));
  return select(special, regular, (x >= Elem(1.17549435e-38)) & (x <= Elem(3.4028234e38)));
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

// A NaN that no compiler sees: for labels outside of the classes.
fn not_a_number(v: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u);
}

@compute @workgroup_size(64)
fn cross_entropy_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let i3 = i % KEPT_SIZE_3;
  let i2 = (i / KEPT_SIZE_3) % KEPT_SIZE_2;
  let i1 = (i / (KEPT_SIZE_3 * KEPT_SIZE_2)) % KEPT_SIZE_1;
  let i0 = i / (KEPT_SIZE_3 * KEPT_SIZE_2 * KEPT_SIZE_1);
  let base = i0 * KEPT_STRIDE_0 + i1 * KEPT_STRIDE_1 + i2 * KEPT_STRIDE_2 + i3 * KEPT_STRIDE_3;
  let label = select(i32(labels[i]), 0i, PROBABILITIES);
  if (!PROBABILITIES && label == IGNORED) {
    loss[i] = 0.0;
    share[i] = 0.0;
    stats[i] = 0.0;
    stats[COUNT + i] = 1.0;
    stats[2u * COUNT + i] = 0.0;
    return;
  }
  var largest = logits[base];
  for (var c = 1u; c < CLASSES; c++) {
    let x = logits[base + c * STRIDE];
    largest = select(largest, x, x > largest);
  }
  var total = 0.0;
  var mass = 0.0;
  var distance = 0.0;
  for (var chunk = 0u; chunk < CLASSES; chunk += CHUNK) {
    var sums = vec3<f32>(0.0);
    for (var c = chunk; c < min(chunk + CHUNK, CLASSES); c++) {
      let below = largest - logits[base + c * STRIDE];
      let q = coefficient(i, label, c);
      // A class that does not count may have the logit −∞.
      sums += vec3<f32>(exponential(-below), q, select(q * below, 0.0, q == 0.0));
    }
    total += sums.x;
    mass += sums.y;
    distance += sums.z;
  }
  let value = distance + mass * logarithm(total);
  let known = PROBABILITIES || (label >= 0i && label < i32(CLASSES));
  loss[i] = select(not_a_number(value), value, known);
  share[i] = select(class_weight(u32(clamp(label, 0i, i32(CLASSES) - 1i))), 1.0, PROBABILITIES);
  stats[i] = largest;
  stats[COUNT + i] = total;
  stats[2u * COUNT + i] = mass;
}
