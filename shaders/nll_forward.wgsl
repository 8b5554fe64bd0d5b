// nll_forward — per position: loss = −w_y·x_y for log-probabilities x and label y, 0 where the label is ignored.
// One thread per position (an example or a pixel), in x's own layout: KEPT_* are the axes but the classes, as (size,
// stride) pairs, outermost first. Labels and results are in logical order.
// Bindings: log_probs, labels, weight (read where WEIGHTED), loss, share (w_y, what a mean divides by).
const COUNT: u32 = 1u;
const CLASSES: u32 = 1u;
const STRIDE: u32 = 1u;
const KEPT_SIZE_1: u32 = 1u;
const KEPT_SIZE_2: u32 = 1u;
const KEPT_SIZE_3: u32 = 1u;
const KEPT_STRIDE_0: u32 = 1u;
const KEPT_STRIDE_1: u32 = 0u;
const KEPT_STRIDE_2: u32 = 0u;
const KEPT_STRIDE_3: u32 = 0u;
const WEIGHTED: bool = false;
const IGNORED: i32 = -100;

@group(0) @binding(0) var<storage, read> log_probs: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> share: array<f32>;

fn class_weight(c: u32) -> f32 {
  return select(1.0, weight[select(0u, c, WEIGHTED)], WEIGHTED);
}

// A NaN that no compiler sees: for labels outside of the classes.
fn not_a_number(v: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u);
}

@compute @workgroup_size(64)
fn nll_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let i3 = i % KEPT_SIZE_3;
  let i2 = (i / KEPT_SIZE_3) % KEPT_SIZE_2;
  let i1 = (i / (KEPT_SIZE_3 * KEPT_SIZE_2)) % KEPT_SIZE_1;
  let i0 = i / (KEPT_SIZE_3 * KEPT_SIZE_2 * KEPT_SIZE_1);
  let base = i0 * KEPT_STRIDE_0 + i1 * KEPT_STRIDE_1 + i2 * KEPT_STRIDE_2 + i3 * KEPT_STRIDE_3;
  let label = labels[i];
  let c = u32(clamp(label, 0i, i32(CLASSES) - 1i));
  let w = select(class_weight(c), 0.0, label == IGNORED);
  let value = select(-w * log_probs[base + c * STRIDE], 0.0, label == IGNORED);
  let known = label == IGNORED || (label >= 0i && label < i32(CLASSES));
  loss[i] = select(not_a_number(value), value, known);
  share[i] = w;
}
