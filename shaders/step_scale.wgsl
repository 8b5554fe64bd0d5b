// step_scale — what an update multiplies gradients by: the clipping factor over the loss scale, or −1 for a step that
// is skipped.
alias Elem = f32;

fn step_scale(clip: Elem, multiplier: Elem) -> Elem {
  return select(clip * multiplier, Elem(-1.0), multiplier < Elem(0.0));
}
