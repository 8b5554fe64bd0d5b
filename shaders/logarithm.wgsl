// logarithm — log x and its derivative.
alias Elem = f32;
alias Word = u32;

// log x to the last digits also beside 1, where the built-in function has an absolute error of 5e-7 at worst.
// x = 2^e·f with f in [√½, √2), log f = 2 artanh s, s = (f − 1)/(f + 1).
fn logarithm(x: Elem) -> Elem {
  let bits = bitcast<Word>(x);
  let mantissa = bitcast<Elem>((bits & Word(0x007fffffu)) | Word(0x3f800000u));
  let large = mantissa > Elem(1.41421356);
  let f = select(mantissa, mantissa * 0.5, large);
  let e = Elem(bits >> Word(23u)) - select(Elem(127.0), Elem(126.0), large);
  let s = (f - 1.0) / (f + 1.0);
  let z = s * s;
  let tail = (((0.22222222 * z + 0.28571429) * z + 0.4) * z + 0.66666667) * z;
  let regular = e * 0.693359375 + (s * (2.0 + tail) - e * 0.00021219444);
  // −∞ at 0 and below 2^−126, NaN for negative numbers; infinity and NaN stay. No literals: WGSL has none for these.
  let at_zero = bitcast<Elem>((bits & Word(0x80000000u)) | Word(0xff800000u));
  let below_zero = bitcast<Elem>(bits | Word(0x7fc00000u));
  let special = select(select(x, at_zero, abs(x) < Elem(1.17549435e-38)), below_zero, x <= Elem(-1.17549435e-38));
  return select(special, regular, (x >= Elem(1.17549435e-38)) & (x <= Elem(3.4028234e38)));
}

fn logarithm_backward(dy: Elem, x: Elem) -> Elem {
  return dy / x;
}
