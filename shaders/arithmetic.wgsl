// arithmetic — the four operations as pointwise functions.
alias Elem = f32;

fn add(a: Elem, b: Elem) -> Elem {
  return a + b;
}

fn sub(a: Elem, b: Elem) -> Elem {
  return a - b;
}

fn mul(a: Elem, b: Elem) -> Elem {
  return a * b;
}

fn div(a: Elem, b: Elem) -> Elem {
  return a / b;
}
