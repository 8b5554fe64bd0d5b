// cross_entropy_with_gradient — the loss of a small batch, dx = dy·∂loss/∂x and Σ_i dx_ic, from class indices.
// loss = Σ_i l_i / d, l_i = Σ_c q_c·(m + log s − x_c), m = max x, s = Σ_c e^(x_c − m); d = 1, or where MEAN the labels
// that count. q_c = (1 − SMOOTHING)·[c is the label] + SMOOTHING / CLASSES. dx_ic = dy / d·(e^(x_c − m) / s·Σ q − q_c).
// One workgroup; a thread takes every 64th position, then (where SUMS) every 64th class. Sums have a fixed order.
// Bindings: logits, labels, dy, dx (row-major), loss, sums; what the hooks read and write is appended.
alias Elem = f32;
alias Word = u32;
const COUNT: u32 = 1u;
const CLASSES: u32 = 1u;
const MEAN: bool = true;
const SUMS: bool = true;
const SMOOTHING: f32 = 0.0;
const IGNORED: i32 = -100;
const CHUNK: u32 = 32u;

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<storage, read_write> loss: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;

var<workgroup> counted: atomic<u32>;
var<workgroup> losses: array<f32, 64>;

// Hook: label of position i of the batch.
fn label_of(i: u32) -> i32 { return labels[i]; }

// Hook: what else becomes of the loss.
fn record_loss(value: f32) { return; }

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

// A NaN that no compiler sees: for labels outside of the classes.
fn not_a_number(v: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u);
}

// Stores the gradient of position i, and returns its loss.
fn position(i: u32, slope: f32) -> f32 {
  let label = label_of(i);
  let base = i * CLASSES;
  if (label == IGNORED) {
    // Nothing flows to an ignored position, not even a NaN of its logits.
    for (var c = 0u; c < CLASSES; c++) {
      dx[base + c] = 0.0;
    }
    return 0.0;
  }
  var largest = logits[base];
  for (var c = 1u; c < CLASSES; c++) {
    let x = logits[base + c];
    largest = select(largest, x, x > largest);
  }
  var powers = 0.0;
  var distance = 0.0;
  for (var chunk = 0u; chunk < CLASSES; chunk += CHUNK) {
    var partial = vec2<f32>(0.0);
    for (var c = chunk; c < min(chunk + CHUNK, CLASSES); c++) {
      let below = largest - logits[base + c];
      let power = exponential(-below);
      dx[base + c] = power;
      partial.x += power;
      if (SMOOTHING != 0.0) {
        partial.y += below;
      }
    }
    powers += partial.x;
    distance += partial.y;
  }
  let known = label >= 0i && label < i32(CLASSES);
  let share = SMOOTHING / f32(CLASSES);
  distance *= share;
  var mass = SMOOTHING;
  // A class that does not count may have the logit −∞.
  if (known && SMOOTHING != 1.0) {
    mass += 1.0 - SMOOTHING;
    distance += (1.0 - SMOOTHING) * (largest - logits[base + u32(label)]);
  }
  let spread = mass / powers;
  for (var c = 0u; c < CLASSES; c++) {
    let q = select(share, share + 1.0 - SMOOTHING, label == i32(c));
    dx[base + c] = slope * (dx[base + c] * spread - q);
  }
  let value = distance + mass * logarithm(powers);
  return select(not_a_number(value), value, known);
}

@compute @workgroup_size(64)
fn cross_entropy_with_gradient(@builtin(local_invocation_index) thread: u32) {
  var counts = 0u;
  for (var i = thread; i < COUNT; i += 64u) {
    counts += select(1u, 0u, label_of(i) == IGNORED);
  }
  // Integers: the order of the additions does not matter.
  atomicAdd(&counted, counts);
  workgroupBarrier();
  let total = select(1.0, f32(atomicLoad(&counted)), MEAN);
  let slope = dy[0] / total;
  var own = 0.0;
  for (var i = thread; i < COUNT; i += 64u) {
    own += position(i, slope);
  }
  losses[thread] = own;
  storageBarrier();
  workgroupBarrier();
  if (SUMS) {
    for (var c = thread; c < CLASSES; c += 64u) {
      var sum = 0.0;
      for (var i = 0u; i < COUNT; i++) {
        sum += dx[i * CLASSES + c];
      }
      sums[c] = sum;
    }
  }
  if (thread == 0u) {
    var sum = 0.0;
    for (var t = 0u; t < 64u; t++) {
      sum += losses[t];
    }
    loss[0] = sum / total;
    record_loss(sum / total);
  }
}
