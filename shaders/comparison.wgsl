// comparison — 1 where a comparison holds, else 0.
alias Elem = f32;

fn is_equal(a: Elem, b: Elem) -> Elem {
  return select(Elem(0.0), Elem(1.0), a == b);
}
