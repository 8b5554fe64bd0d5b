// nll_backward — dx_c = −d·w_y at the label's class, 0 at the others and where the label is ignored, d = dy / total.
// One thread per position, in x's own layout: KEPT_* are the axes but the classes, as (size, stride) pairs, outermost
// first. DY_STEP is 0 where the loss is one number, whose mean divided by `total`.
// Bindings: labels, weight (read where WEIGHTED), dy, total, dx.
const COUNT: u32 = 1u;
const DY_STEP: u32 = 1u;
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

@group(0) @binding(0) var<storage, read> labels: array<i32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> total: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

fn class_weight(c: u32) -> f32 {
  return select(1.0, weight[select(0u, c, WEIGHTED)], WEIGHTED);
}

@compute @workgroup_size(64)
fn nll_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
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
  let slope = dy[i * DY_STEP] / total[0];
  for (var c = 0u; c < CLASSES; c++) {
    let here = label == i32(c) && label != IGNORED;
    dx[base + c * STRIDE] = select(0.0, -slope * class_weight(c), here);
  }
}
