// pointwise — y[i] = value(i): a chain of scalar functions over operands that are read once each.
// One thread stores ITEMS elements (scalars or vec4s), a whole grid apart, so that neighbours stay neighbours. A grid
// is a multiple of the CHANNELS of a row: a thread keeps the numbers of its channel.
// Bindings: y; operands are appended as group 1 together with the bodies of `channel` and `value`.
alias Elem = f32;
alias Channel = array<Elem, 1>;
const COUNT: u32 = 1u;
const ITEMS: u32 = 1u;
const CHANNELS: u32 = 1u;

@group(0) @binding(0) var<storage, read_write> y: array<Elem>;

// Hook: what a thread keeps of its channel.
fn channel(c: u32) -> Channel { return Channel(); }
// Hook: element i of the result.
fn value(i: u32, k: Channel) -> Elem { return Elem(0.0); }

@compute @workgroup_size(64)
fn pointwise(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  let first = id.y * groups.x * 64u + id.x;
  let kept = channel(first % CHANNELS);
  for (var item = 0u; item < ITEMS; item++) {
    let i = first + item * stride;
    if (i < COUNT) {
      y[i] = value(i, kept);
    }
  }
}
