// record — records[row, FIRST + j] = v_j: up to seven scalars of a step into its row of the ring of records.
// One thread per scalar; the variables beside v0 are appended together with the body of `scalar`.
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
const FIRST: u32 = 0u;
const COLUMNS: u32 = 16u;

@group(0) @binding(0) var<storage, read> v0: array<f32>;
@group(0) @binding(7) var<storage, read_write> records: array<f32>;
@group(2) @binding(0) var<uniform> step: Step;

// Hook: scalar number j.
fn scalar(j: u32) -> f32 { return v0[0]; }

@compute @workgroup_size(8)
fn record(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < COUNT) {
    records[step.record_row * COLUMNS + FIRST + id.x] = scalar(id.x);
  }
}
