// clip_scale — factor that brings a norm down to at most `most`: min(1, most / (norm + 1e-6)); a NaN passes.
// Source: torch.nn.utils.clip_grad_norm_.
alias Elem = f32;

fn clip_scale(norm: Elem, most: f32) -> Elem {
  let factor = most / (norm + 1e-6);
  return select(factor, Elem(1.0), factor > Elem(1.0));
}
