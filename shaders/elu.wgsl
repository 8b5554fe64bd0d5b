// elu — x above 0, an exponential that levels off below.
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

fn elu(x: Elem, alpha: f32) -> Elem {
  return select(x, alpha * exp_minus_one(select(x, Elem(0.0), x > Elem(0.0))), x <= Elem(0.0));
}

fn elu_backward(dy: Elem, x: Elem, alpha: f32) -> Elem {
  return select(dy, dy * (alpha * exponential(x)), x <= Elem(0.0));
}

// Constants that keep mean 0 and deviation 1 from layer to layer.
fn selu(x: Elem) -> Elem {
  return 1.05070099 * elu(x, 1.67326324);
}

fn selu_backward(dy: Elem, x: Elem) -> Elem {
  return 1.05070099 * elu_backward(dy, x, 1.67326324);
}
