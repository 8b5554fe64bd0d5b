// accumulate_gradients — accumulated = grads in the first micro-batch of a step, accumulated + grads in the others.
// One thread per vec4 of the flat buffers. Bindings: grads, accumulated.
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

const COUNT: u32 = 1u;

@group(0) @binding(0) var<storage, read> grads: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> accumulated: array<vec4<f32>>;
@group(2) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(64)
fn accumulate_gradients(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i < COUNT) {
    accumulated[i] = grads[i] + select(vec4<f32>(0.0), accumulated[i], step.accumulate != 0u);
  }
}
