// gather_rows — y[n, e] = convert(source[indices[start + n], e]): rows of a column, labels or features.
// A thread stores ITEMS Elems, a whole grid apart, so that neighbours stay neighbours; each from one Source.
// Bindings: source (whole column), indices (order of the epoch), y (bits of f32 or i32).
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

alias Elem = u32;
alias Source = u32;
// Elems of y, of a row, and for each thread.
const COUNT: u32 = 1u;
const ROW: u32 = 1u;
const ITEMS: u32 = 1u;

@group(0) @binding(0) var<storage, read> source: array<Source>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<Elem>;
@group(2) @binding(0) var<uniform> step: Step;

// Hook: bits of the result for Elem i of the column, e within its row.
fn convert(i: u32, e: u32) -> Elem { return source[i]; }

@compute @workgroup_size(64)
fn gather_rows(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let start = step.batch_start;
  for (var k = 0u; k < ITEMS; k++) {
    let i = (k * groups.y + id.y) * groups.x * 64u + id.x;
    if (i < COUNT) {
      let e = i % ROW;
      y[i] = convert(indices[start + i / ROW] * ROW + e, e);
    }
  }
}
