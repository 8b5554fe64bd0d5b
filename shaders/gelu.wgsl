// gelu — x·Φ(x), Φ the distribution function of the standard normal distribution.
alias Elem = f32;
alias Word = u32;

// e^r − 1 for |r| <= log(2)/2, within 4e-9: r + r²·q(r), q of least largest error.
fn exp_tail(r: Elem) -> Elem {
  let q = (((0.001395081 * r + 0.0083690733) * r + 0.0416662022) * r + 0.16666517) * r + 0.5;
  return r + r * r * q;
}

// e^x − 1 for x below 88, to the last digits also beside 0.
fn exp_minus_one(x: Elem) -> Elem {
  let bounded = select(x, Elem(-40.0), x < Elem(-40.0));
  let n = round(bounded * 1.44269504);
  let r = (bounded - n * 0.693359375) + n * 0.00021219444;
  let power = bitcast<Elem>(Word(n + 127.0) << Word(23u));
  return power * exp_tail(r) + (power - 1.0);
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

// Error function: ±(1 − e^(−t·c(t))), t = |x|, c the polynomial of least largest error for −log(erfc t) / t on [0, 4].
// Within 2e-7 of its own size everywhere, also beside 0; beyond 4 it is ±1.
fn error_function(x: Elem) -> Elem {
  let t = select(abs(x), Elem(4.0), abs(x) > Elem(4.0));
  let high = ((-0.0000092562868 * t + 0.000117641481) * t - 0.000632837648) * t + 0.00166702899;
  let low = ((-0.0001603977 * t - 0.0191530623) * t + 0.102777831) * t + 0.636619389;
  let square = t * t;
  let c = 1.12837923 + t * (low + square * square * high);
  return sign(x) * -exp_minus_one(-t * c);
}

// 2/√π · e^(−x²)
fn error_function_backward(dy: Elem, x: Elem) -> Elem {
  return dy * (1.12837917 * exponential(-x * x));
}

fn gelu(x: Elem) -> Elem {
  return 0.5 * x * (1.0 + error_function(0.70710678 * x));
}

// Φ(x) + x·φ(x), φ the density.
fn gelu_backward(dy: Elem, x: Elem) -> Elem {
  let density = 0.39894228 * exponential(-0.5 * x * x);
  return dy * (0.5 * (1.0 + error_function(0.70710678 * x)) + x * density);
}
