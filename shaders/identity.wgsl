// identity — x unchanged: the pointwise function behind broadcasting and copies.
alias Elem = f32;

fn identity(x: Elem) -> Elem {
  return x;
}
