// bce_with_logits — −(p·y·log σ(x) + (1 − y)·log(1 − σ(x))) from logits x, targets y and the weight p of positives,
// with its slopes in x and y. Nothing overflows, and nothing cancels that the sum itself does not.
alias Elem = f32;
alias Word = u32;

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

// 1 / (1 + e^(−x)) with an exponential that never overflows.
fn logistic(x: Elem) -> Elem {
  let e = exponential(-abs(x));
  return select(e, Elem(1.0), x >= Elem(0.0)) / (1.0 + e);
}

// log(1 + u) for u in [0, 1]: 2 artanh s, s = u / (2 + u) <= 1/3, of which eight terms suffice.
fn log_one_plus(u: Elem) -> Elem {
  let s = u / (2.0 + u);
  let z = s * s;
  let near = ((0.18181818 * z + 0.22222222) * z + 0.28571429) * z + 0.4;
  let far = (0.13333333 * z + 0.15384615) * z * z * z * z;
  return s * (2.0 + z * (0.66666667 + z * (near + far)));
}

fn bce(x: Elem, y: Elem) -> Elem {
  let positive = select(x, Elem(0.0), x < Elem(0.0));
  return positive - x * y + log_one_plus(exponential(-abs(x)));
}

fn bce_slope(dy: Elem, x: Elem, y: Elem) -> Elem {
  return dy * (logistic(x) - y);
}

// log(1 + e^(−x)).
fn minus_log_logistic(x: Elem) -> Elem {
  return select(-x, Elem(0.0), x > Elem(0.0)) + log_one_plus(exponential(-abs(x)));
}

fn weighted_bce(x: Elem, y: Elem, p: Elem) -> Elem {
  return (1.0 - y) * x + (1.0 - y + p * y) * minus_log_logistic(x);
}

fn weighted_bce_slope(dy: Elem, x: Elem, y: Elem, p: Elem) -> Elem {
  return dy * ((1.0 - y + p * y) * logistic(x) - p * y);
}

fn weighted_bce_target_slope(dy: Elem, x: Elem, p: Elem) -> Elem {
  return dy * ((p - 1.0) * minus_log_logistic(x) - x);
}
