// power — roots, and a^b for numbers and arrays of exponents, with its two derivatives.
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

// |a|^b = 2^(b·log2|a|). With |a| = 2^e·f the part b·e would lose digits: it is split into 12 bits of b, whose product
// with e is exact, and a rest. Only b·log2 f, |log2 f| <= 1/2, is rounded. Negative a take whole exponents, else NaN.
fn power(a: Elem, b: Elem) -> Elem {
  let base = abs(a);
  let bits = bitcast<Word>(base);
  let mantissa = bitcast<Elem>((bits & Word(0x007fffffu)) | Word(0x3f800000u));
  let large = mantissa > Elem(1.41421356);
  let f = select(mantissa, mantissa * 0.5, large);
  let e = Elem(bits >> Word(23u)) - select(Elem(127.0), Elem(126.0), large);
  let s = (f - 1.0) / (f + 1.0);
  let z = s * s;
  let tail = (((0.22222222 * z + 0.28571429) * z + 0.4) * z + 0.66666667) * z;
  let fraction = 1.44269504 * (s * (2.0 + tail));
  let high = bitcast<Elem>(bitcast<Word>(b) & Word(0xfffff000u));
  let whole = round(high * e);
  let rest = (high * e - whole) + (b - high) * e + b * fraction;
  let n = clamp(whole + round(rest), Elem(-252.0), Elem(254.0));
  let regular = scale_by_power(1.0 + exp_tail((rest - round(rest)) * 0.69314718), n);
  // 0 and infinity go to 0 or infinity, NaN stays.
  let infinity = bitcast<Elem>((bits & Word(0x80000000u)) | Word(0x7f800000u));
  let edge = select(Elem(0.0), infinity, (base < Elem(1.0)) == (b < Elem(0.0)));
  let special = select(edge, base + b, bits > Word(0x7f800000u));
  let usual = (base >= Elem(1.17549435e-38)) & (base <= Elem(3.4028234e38));
  let size = select(select(special, regular, usual), Elem(1.0), b == Elem(0.0));
  let odd = floor(b * 0.5) * 2.0 != b;
  let signed = select(size, -size, odd & (a < Elem(0.0)));
  let invalid = bitcast<Elem>(bits | Word(0x7fc00000u));
  return select(signed, invalid, (a < Elem(0.0)) & (floor(b) != b));
}

fn root(x: Elem) -> Elem {
  return sqrt(x);
}

fn root_backward(dy: Elem, y: Elem) -> Elem {
  return dy * (0.5 / y);
}

// x^n for one exponent. The usual ones take products and roots, exact where the general way rounds.
fn power_by(x: Elem, n: f32) -> Elem {
  if (n == 0.0) { return Elem(1.0); }
  if (n == 1.0) { return x; }
  if (n == 2.0) { return x * x; }
  if (n == 3.0) { return x * x * x; }
  if (n == 0.5) { return sqrt(x); }
  if (n == -0.5) { return 1.0 / sqrt(x); }
  if (n == -1.0) { return 1.0 / x; }
  if (n == -2.0) { return 1.0 / (x * x); }
  return power(x, Elem(n));
}

// n·x^(n−1), and 0 for n = 0 even where x is 0.
fn power_by_backward(dy: Elem, x: Elem, n: f32) -> Elem {
  if (n == 0.0) { return Elem(0.0); }
  return dy * (n * power_by(x, n - 1.0));
}

// ∂a^b/∂a = b·a^(b−1), 0 where b is 0.
fn power_backward_base(dy: Elem, a: Elem, b: Elem) -> Elem {
  return select(dy * (b * power(a, b - 1.0)), Elem(0.0), b == Elem(0.0));
}

// ∂a^b/∂b = a^b·log a, 0 where a is 0 and b is not negative.
fn power_backward_exponent(dy: Elem, a: Elem, b: Elem, y: Elem) -> Elem {
  return select(dy * (y * logarithm(a)), Elem(0.0), (a == Elem(0.0)) & (b >= Elem(0.0)));
}
