// cross_entropy_rows — per row the loss Σ_c q_c·(m + log s − x_c), and dx_c = dy / total·(e^(x_c − m)/s·Σ q − q_c).
// m = max x, s = Σ_c e^(x_c − m), q_c = (1 − SMOOTHING)·[c is the label] + SMOOTHING / classes. One thread a row, four
// classes at a time: rows of many classes that start at multiples of four. dx holds the powers in between.
// Bindings: logits, labels, dy, total (what the loss divides by), losses, dx.
alias Elem = vec4<f32>;
alias Word = vec4<u32>;
const COUNT: u32 = 1u;
// Elems of a row.
const QUADS: u32 = 1u;
const SMOOTHING: f32 = 0.0;
const IGNORED: i32 = -100;
const CHUNK: u32 = 16u;

@group(0) @binding(0) var<storage, read> logits: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> total: array<f32>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4<f32>>;

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

fn sum_of_lanes(v: Elem) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

@compute @workgroup_size(64)
fn cross_entropy_rows(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let label = labels[i];
  let base = i * QUADS;
  if (label == IGNORED) {
    // Nothing flows to an ignored position, not even a NaN of its logits.
    for (var quad = 0u; quad < QUADS; quad++) {
      dx[base + quad] = Elem(0.0);
    }
    losses[i] = 0.0;
    return;
  }
  var lanes = logits[base];
  for (var quad = 1u; quad < QUADS; quad++) {
    let x = logits[base + quad];
    lanes = select(lanes, x, x > lanes);
  }
  var largest = lanes.x;
  largest = select(largest, lanes.y, lanes.y > largest);
  largest = select(largest, lanes.z, lanes.z > largest);
  largest = select(largest, lanes.w, lanes.w > largest);
  var powers = 0.0;
  var distance = 0.0;
  for (var chunk = 0u; chunk < QUADS; chunk += CHUNK) {
    var power_sums = Elem(0.0);
    var distances = Elem(0.0);
    for (var quad = chunk; quad < min(chunk + CHUNK, QUADS); quad++) {
      let below = Elem(largest) - logits[base + quad];
      let power = exponential(-below);
      dx[base + quad] = power;
      power_sums += power;
      if (SMOOTHING != 0.0) {
        distances += below;
      }
    }
    powers += sum_of_lanes(power_sums);
    distance += sum_of_lanes(distances);
  }
  distance *= SMOOTHING / f32(4u * QUADS);
  let known = label >= 0i && label < i32(4u * QUADS);
  var mass = SMOOTHING;
  // A class that does not count may have the logit −∞.
  if (known && SMOOTHING != 1.0) {
    let c = u32(label);
    mass += 1.0 - SMOOTHING;
    distance += (1.0 - SMOOTHING) * (largest - logits[base + c / 4u][c % 4u]);
  }
  let value = distance + mass * logarithm(Elem(powers)).x;
  losses[i] = select(not_a_number(value), value, known);
  let slope = dy[0] / total[0];
  let spread = mass / powers;
  for (var quad = 0u; quad < QUADS; quad++) {
    let c = vec4<i32>(i32(4u * quad)) + vec4<i32>(0i, 1i, 2i, 3i);
    let q = select(Elem(0.0), Elem(1.0 - SMOOTHING), c == vec4<i32>(label)) + SMOOTHING / f32(4u * QUADS);
    dx[base + quad] = slope * (dx[base + quad] * spread - q);
  }
}
