// random_beta — y[i] = a draw from Beta(ALPHA, ALPHA).
// One thread per draw. Jöhnk's rejection: u^(1/ALPHA) / (u^(1/ALPHA) + v^(1/ALPHA)) where that sum is at most 1; a draw
// takes its numbers in order from its own 2·TRIES of the stream. 1/2 after TRIES refusals (chance below 1e-5).
// Binding: y.
// Source: Jöhnk 1964, "Erzeugung von betaverteilten und gammaverteilten Zufallszahlen".
const COUNT: u32 = 1u;
const ALPHA: f32 = 1.0;
const PATH_HASH: u32 = 0u;
const TRIES: u32 = 64u;

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

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
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
fn random_beta(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let key = pcg(pcg(pcg(pcg(0x9e3779b9u ^ step.seed) ^ step.index) ^ step.micro) ^ PATH_HASH);
  var drawn = 0.5;
  for (var k = 0u; k < TRIES; k++) {
    let place = 2u * (i * TRIES + k);
    let a = pow(random_unit(key, place), 1.0 / ALPHA);
    let sum = a + pow(random_unit(key, place + 1u), 1.0 / ALPHA);
    if (sum <= 1.0 && sum > 0.0) {
      drawn = a / sum;
      break;
    }
  }
  y[i] = drawn;
}
