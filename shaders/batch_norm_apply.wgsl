// batch_norm_apply — pointwise functions of batch normalisation; everything but x and dy is one number a channel, and
// what depends on these alone has functions of its own. The mean is taken off first: x·scale + shift would cancel.
// Source: Ioffe & Szegedy 2015 (arXiv:1502.03167) §3.
alias Elem = f32;

fn batch_norm_scale(rstd: Elem, weight: Elem) -> Elem {
  return rstd * weight;
}

fn batch_norm_normalise(x: Elem, mean: Elem, scale: Elem, bias: Elem) -> Elem {
  return (x - mean) * scale + bias;
}

fn batch_norm_evaluate_scale(variance: Elem, weight: Elem, epsilon: f32) -> Elem {
  return weight / sqrt(variance + Elem(epsilon));
}

fn batch_norm_rstd(variance: Elem, epsilon: f32) -> Elem {
  return Elem(1.0) / sqrt(variance + Elem(epsilon));
}

// mean(dy·x̂)·rstd, to be multiplied by x − mean.
fn batch_norm_slope(dweight: Elem, rstd: Elem, per_value: f32) -> Elem {
  return dweight * per_value * rstd;
}

// mean(dy).
fn batch_norm_share(dbias: Elem, per_value: f32) -> Elem {
  return dbias * per_value;
}

// dx = weight·rstd·(dy − mean(dy) − x̂·mean(dy·x̂)), the means being dbias/n and dweight/n.
fn batch_norm_backward(x: Elem, dy: Elem, mean: Elem, scale: Elem, slope: Elem, share: Elem) -> Elem {
  return scale * (dy - share - (x - mean) * slope);
}
