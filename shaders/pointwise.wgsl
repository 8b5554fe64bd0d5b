// pointwise — y[i] = value(i): a chain of scalar functions over operands that are read once each.
// One thread stores ITEMS elements (scalars or vec4s), a whole grid apart, so that neighbours stay neighbours.
// Bindings: y; operands are appended as group 1 together with the body of `value`.
alias Elem = f32;
const COUNT: u32 = 1u;
const ITEMS: u32 = 1u;

@group(0) @binding(0) var<storage, read_write> y: array<Elem>;

// Hook: element i of the result.
fn value(i: u32) -> Elem { return Elem(0.0); }

@compute @workgroup_size(64)
fn pointwise(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  let first = id.y * groups.x * 64u + id.x;
  for (var k = 0u; k < ITEMS; k++) {
    let i = first + k * stride;
    if (i < COUNT) {
      y[i] = value(i);
    }
  }
}
