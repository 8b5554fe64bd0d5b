// softmax — y = e^(x − m) / s or its logarithm x − m − log s along one axis, m = max x, s = Σ e^(x − m).
// One thread per line, in x's own layout. KEPT_* are the other axes as (size, stride) pairs, outermost first.
alias Elem = f32;
alias Word = u32;
const COUNT: u32 = 1u;
const LENGTH: u32 = 1u;
const STRIDE: u32 = 1u;
const KEPT_SIZE_1: u32 = 1u;
const KEPT_SIZE_2: u32 = 1u;
const KEPT_SIZE_3: u32 = 1u;
const KEPT_STRIDE_0: u32 = 0u;
const KEPT_STRIDE_1: u32 = 0u;
const KEPT_STRIDE_2: u32 = 0u;
const KEPT_STRIDE_3: u32 = 0u;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

// Hook: the result from x − m and s.
fn result(shifted: f32, total: f32) -> f32 { return exponential(shifted) / total; }

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

@compute @workgroup_size(64)
fn softmax(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let i3 = i % KEPT_SIZE_3;
  let i2 = (i / KEPT_SIZE_3) % KEPT_SIZE_2;
  let i1 = (i / (KEPT_SIZE_3 * KEPT_SIZE_2)) % KEPT_SIZE_1;
  let i0 = i / (KEPT_SIZE_3 * KEPT_SIZE_2 * KEPT_SIZE_1);
  let base = i0 * KEPT_STRIDE_0 + i1 * KEPT_STRIDE_1 + i2 * KEPT_STRIDE_2 + i3 * KEPT_STRIDE_3;
  var largest = x[base];
  for (var k = 1u; k < LENGTH; k++) {
    largest = max(largest, x[base + k * STRIDE]);
  }
  var total = 0.0;
  for (var k = 0u; k < LENGTH; k++) {
    total += exponential(x[base + k * STRIDE] - largest);
  }
  for (var k = 0u; k < LENGTH; k++) {
    y[base + k * STRIDE] = result(x[base + k * STRIDE] - largest, total);
  }
}
