// gather_rows — y[n, e] = convert(source[indices[start + n], e]): rows of a column, labels or features.
// One thread per element. Bindings: source (whole column), indices (order of the epoch), y (bits of f32 or i32).
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
const ROW: u32 = 1u;

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(2) @binding(0) var<uniform> step: Step;

// Hook: bits of the result for element i of the column, e within its row.
fn convert(i: u32, e: u32) -> u32 { return source[i]; }

@compute @workgroup_size(64)
fn gather_rows(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let example = indices[step.batch_start + i / ROW];
  let e = i % ROW;
  y[i] = convert(example * ROW + e, e);
}
