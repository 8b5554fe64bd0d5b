// flip_labels — y[i] = a class drawn uniformly where a random number is below P, else labels[i]; negative labels stay.
// One thread per label. Bindings: labels, y. Source: symmetric noise, Patrini et al. 2017 (arXiv:1609.03683).
const COUNT: u32 = 1u;
const CLASSES: u32 = 1u;
const P: f32 = 0.0;
const PATH_HASH: u32 = 0u;

struct Step {
  index: u32,
  seed: u32,
  micro: u32,
  accumulate: u32,
  record_row: u32,
  batch_start: u32,
  batch_size: u32,
  optimizer_step: u32,
  groups: array<vec4<f32>, 30>,
}

@group(0) @binding(0) var<storage, read> labels: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;
@group(2) @binding(0) var<uniform> step: Step;

fn pcg(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

fn random_unit(key: u32, index: u32) -> f32 {
  return f32(pcg(pcg(index ^ key) + key) >> 8u) / 16777216.0;
}

@compute @workgroup_size(64)
fn flip_labels(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let key = pcg(pcg(pcg(pcg(0x9e3779b9u ^ step.seed) ^ step.index) ^ step.micro) ^ PATH_HASH);
  let label = labels[i];
  let flips = label >= 0i && random_unit(key, 2u * i) < P;
  let drawn = min(u32(random_unit(key, 2u * i + 1u) * f32(CLASSES)), CLASSES - 1u);
  y[i] = select(label, i32(drawn), flips);
}
