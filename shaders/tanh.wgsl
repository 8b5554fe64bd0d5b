// tanh — the hyperbolic tangent, and GELU by it.
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

// (e^(2|x|) − 1) / (e^(2|x|) + 1) with the sign of x; beyond 10 it is ±1.
fn hyperbolic_tangent(x: Elem) -> Elem {
  let e = exp_minus_one(2.0 * select(abs(x), Elem(10.0), abs(x) > Elem(10.0)));
  return sign(x) * (e / (e + 2.0));
}

fn tanh_backward(dy: Elem, y: Elem) -> Elem {
  return dy * (1.0 - y * y);
}

// The argument √(2/π)·(x + 0.044715 x³) of GELU's approximation.
fn gelu_argument(x: Elem) -> Elem {
  return 0.79788456 * (x + 0.044715 * x * x * x);
}

fn gelu_tanh(x: Elem) -> Elem {
  return 0.5 * x * (1.0 + hyperbolic_tangent(gelu_argument(x)));
}

// 1/2·(1 + t) + x/2·u′·(1 − t²), u the argument, t its tangent. Far out 1 − t² is 0 and x·u′ is large: bounded.
fn gelu_tanh_backward(dy: Elem, x: Elem) -> Elem {
  let t = hyperbolic_tangent(gelu_argument(x));
  let bounded = clamp(x, Elem(-12.0), Elem(12.0));
  let slope = 0.79788456 * (1.0 + 0.134145 * bounded * bounded);
  return dy * (0.5 * (1.0 + t) + 0.5 * bounded * slope * (1.0 - t * t));
}
