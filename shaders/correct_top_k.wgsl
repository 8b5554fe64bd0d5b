// correct_top_k — y[i] = 1 if fewer than K scores of position i exceed that of its label, else 0.
// One thread per position (an example or a pixel), in the scores' own layout: KEPT_* are the axes but the classes, as
// (size, stride) pairs, outermost first. Labels and y are in logical order. Bindings: scores, labels, y.
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
const K: u32 = 1u;

@group(0) @binding(0) var<storage, read> scores: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// True for a NaN: a comparison of v with itself may be folded away.
fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

@compute @workgroup_size(64)
fn correct_top_k(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
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
  let known = label >= 0i && label < i32(CLASSES);
  let own = scores[base + select(0u, u32(label), known) * STRIDE];
  var above = 0u;
  for (var c = 0u; c < CLASSES; c++) {
    let score = scores[base + c * STRIDE];
    above += select(0u, 1u, score > own || is_nan(score));
  }
  y[i] = select(0.0, 1.0, known && above < K && !is_nan(own));
}
