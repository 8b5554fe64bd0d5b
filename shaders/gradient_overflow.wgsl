// gradient_overflow — flags[p] = 1 if one of the vec4s p, p + PARTS, … of the flat gradients holds an infinity or NaN.
// One thread per part. Frozen blocks are left out. Bindings: grads, blocks (0xffffffff where frozen), flags.
const COUNT: u32 = 1u;
const PARTS: u32 = 1u;

@group(0) @binding(0) var<storage, read> grads: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> blocks: array<u32>;
@group(0) @binding(2) var<storage, read_write> flags: array<f32>;

@compute @workgroup_size(64)
fn gradient_overflow(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let part = id.y * groups.x * 64u + id.x;
  if (part >= PARTS) {
    return;
  }
  var found = false;
  for (var i = part; i < COUNT; i += PARTS) {
    if (blocks[i / 64u] != 0xffffffffu) {
      // By their bits: comparisons with infinities and NaNs may be folded away.
      let bits = bitcast<vec4u>(grads[i]) & vec4u(0x7f800000u);
      found = found || any(bits == vec4u(0x7f800000u));
    }
  }
  flags[part] = select(0.0, 1.0, found);
}
