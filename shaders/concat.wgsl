// concat — the arrays v0, v1, … one after another along an axis. One thread per element of y, or per four.
// The inputs are appended with the body of `element`. Bits are moved, not numbers.
alias Elem = u32;
const COUNT: u32 = 1u;

@group(0) @binding(0) var<storage, read_write> y: array<Elem>;

// Hook: element i of y, from one of the inputs.
fn element(i: u32) -> Elem { return Elem(0u); }

@compute @workgroup_size(64)
fn concat(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i < COUNT) {
    y[i] = element(i);
  }
}
