// arithmetic — sums, products, quotients, signs and extrema as pointwise functions.
alias Elem = f32;
alias Word = u32;

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

fn neg(x: Elem) -> Elem {
  return -x;
}

fn magnitude(x: Elem) -> Elem {
  return abs(x);
}

// The slope of |x| at 0 is 0.
fn magnitude_backward(dy: Elem, x: Elem) -> Elem {
  return dy * sign(x);
}

// A NaN on either side wins; comparisons alone would drop the one in b.
fn minimum(a: Elem, b: Elem) -> Elem {
  let smaller = select(a, b, b < a);
  let invalid = (bitcast<Word>(b) & Word(0x7fffffffu)) > Word(0x7f800000u);
  return select(smaller, b, invalid);
}

fn maximum(a: Elem, b: Elem) -> Elem {
  let larger = select(a, b, b > a);
  let invalid = (bitcast<Word>(b) & Word(0x7fffffffu)) > Word(0x7f800000u);
  return select(larger, b, invalid);
}

// dy where a is above b, half of it where they are equal: the share of maximum's first operand.
fn share_above(dy: Elem, a: Elem, b: Elem) -> Elem {
  return select(select(Elem(0.0), dy * 0.5, a == b), dy, a > b);
}
