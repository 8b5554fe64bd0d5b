// batch_norm_apply — pointwise functions of batch normalisation; everything but x and dy is one number a channel.
// Source: Ioffe & Szegedy 2015 (arXiv:1502.03167) §3.
alias Elem = f32;

fn batch_norm_normalise(x: Elem, mean: Elem, rstd: Elem, weight: Elem, bias: Elem) -> Elem {
  return (x - mean) * rstd * weight + bias;
}

fn batch_norm_evaluate(x: Elem, mean: Elem, variance: Elem, weight: Elem, bias: Elem, epsilon: f32) -> Elem {
  return (x - mean) / sqrt(variance + Elem(epsilon)) * weight + bias;
}

fn batch_norm_rstd(variance: Elem, epsilon: f32) -> Elem {
  return Elem(1.0) / sqrt(variance + Elem(epsilon));
}

// dx = weight·rstd·(dy − mean(dy) − x̂·mean(dy·x̂)), the means being dbias/n and dweight/n.
fn batch_norm_backward(
  x: Elem,
  dy: Elem,
  mean: Elem,
  rstd: Elem,
  weight: Elem,
  dweight: Elem,
  dbias: Elem,
  per_value: f32,
) -> Elem {
  let normalised = (x - mean) * rstd;
  return weight * rstd * (dy - dbias * per_value - normalised * (dweight * per_value));
}
