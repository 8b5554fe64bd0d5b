// sigmoid — the logistic function and the activations that multiply or bend it.
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

fn logistic_backward(dy: Elem, y: Elem) -> Elem {
  return dy * (y * (1.0 - y));
}

fn silu(x: Elem) -> Elem {
  return x * logistic(x);
}

fn silu_backward(dy: Elem, x: Elem) -> Elem {
  let s = logistic(x);
  return dy * (s + x * s * (1.0 - s));
}
