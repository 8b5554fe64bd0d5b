// relu — y = x where x > 0, else 0; dx = dy where y > 0, else 0.
// `select` rather than `max`, which may drop a NaN.
alias Elem = f32;

fn relu(x: Elem) -> Elem {
  return select(x, Elem(0.0), x < Elem(0.0));
}

fn relu_backward(dy: Elem, y: Elem) -> Elem {
  return select(Elem(0.0), dy, y > Elem(0.0));
}
