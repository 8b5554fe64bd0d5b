// huber — d²/2 up to |d| = delta, then delta·(|d| − delta/2), of a difference d; its slope is d held to ±delta.
alias Elem = f32;

fn huber(d: Elem, delta: f32) -> Elem {
  let size = abs(d);
  return select(delta * (size - 0.5 * delta), 0.5 * d * d, size <= Elem(delta));
}

fn huber_backward(dy: Elem, d: Elem, delta: f32) -> Elem {
  let low = select(d, Elem(-delta), d < Elem(-delta));
  return dy * select(low, Elem(delta), d > Elem(delta));
}
