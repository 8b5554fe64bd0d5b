// rectifiers — activations made of straight lines and parabolas, with their derivatives.
// `select` rather than `min` and `max`, which may drop a NaN.
alias Elem = f32;

fn leaky_relu(x: Elem, slope: f32) -> Elem {
  return select(slope * x, x, x > Elem(0.0));
}

fn leaky_relu_backward(dy: Elem, x: Elem, slope: f32) -> Elem {
  return select(slope * dy, dy, x > Elem(0.0));
}

fn prelu(x: Elem, weight: Elem) -> Elem {
  return select(weight * x, x, x > Elem(0.0));
}

fn prelu_backward_input(dy: Elem, x: Elem, weight: Elem) -> Elem {
  return select(weight * dy, dy, x > Elem(0.0));
}

fn prelu_backward_weight(dy: Elem, x: Elem) -> Elem {
  return select(dy * x, Elem(0.0), x > Elem(0.0));
}

fn hardsigmoid(x: Elem) -> Elem {
  let line = select(x * 0.16666667 + 0.5, Elem(0.0), x <= Elem(-3.0));
  return select(line, Elem(1.0), x >= Elem(3.0));
}

// The slope at both bounds is 0.
fn hardsigmoid_backward(dy: Elem, x: Elem) -> Elem {
  return select(Elem(0.0), dy * 0.16666667, abs(x) < Elem(3.0));
}

fn hardswish(x: Elem) -> Elem {
  let parabola = select(x * (x * 0.16666667 + 0.5), Elem(0.0), x <= Elem(-3.0));
  return select(parabola, x, x >= Elem(3.0));
}

// The slope at −3 is 0 and at 3 it is 1.
fn hardswish_backward(dy: Elem, x: Elem) -> Elem {
  let parabola = select(dy * (x * 0.33333333 + 0.5), Elem(0.0), x <= Elem(-3.0));
  return select(parabola, dy, x >= Elem(3.0));
}

// x within [low, high]; `sides` 1: only low counts, 2: only high, 3: both.
fn bounded(x: Elem, low: f32, high: f32, sides: f32) -> Elem {
  let raised = select(x, Elem(low), (x < Elem(low)) & (Elem(sides) != Elem(2.0)));
  return select(raised, Elem(high), (raised > Elem(high)) & (Elem(sides) != Elem(1.0)));
}

// The gradient passes at the bounds themselves.
fn bounded_backward(dy: Elem, x: Elem, low: f32, high: f32, sides: f32) -> Elem {
  let below = (x < Elem(low)) & (Elem(sides) != Elem(2.0));
  let above = (x > Elem(high)) & (Elem(sides) != Elem(1.0));
  return select(dy, Elem(0.0), below | above);
}
