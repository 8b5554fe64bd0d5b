// softplus — log(1 + e^(βx)) / β, and Mish.
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

fn softplus(x: Elem, beta: f32, threshold: f32) -> Elem {
  let scaled = beta * x;
  let positive = select(scaled, Elem(0.0), scaled < Elem(0.0));
  let y = (positive + log_one_plus(exponential(-abs(scaled)))) / beta;
  return select(y, x, scaled > Elem(threshold));
}

fn softplus_backward(dy: Elem, x: Elem, beta: f32, threshold: f32) -> Elem {
  let scaled = beta * x;
  return select(dy * logistic(scaled), dy, scaled > Elem(threshold));
}

// tanh(log(1 + e^x)) as a quotient of sums of positive terms in u = e^(−|x|): no logarithm, nothing cancels.
fn mish_gate(x: Elem) -> Elem {
  let u = exponential(-abs(x));
  let square = u * u;
  let upper = select(square + 2.0 * u, 1.0 + 2.0 * u, x >= Elem(0.0));
  let rest = select(Elem(2.0), 2.0 * square, x >= Elem(0.0));
  return upper / (upper + rest);
}

fn mish(x: Elem) -> Elem {
  return x * mish_gate(x);
}

fn mish_backward(dy: Elem, x: Elem) -> Elem {
  let t = mish_gate(x);
  return dy * (t + x * logistic(x) * (1.0 - t * t));
}
