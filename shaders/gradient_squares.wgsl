// gradient_squares — squares[p] = Σ g² over the vec4s p, p + PARTS, p + 2·PARTS, … of the flat gradients.
// One thread per part, in an order of its own, so that sums are the same in every run. Frozen blocks are left out.
// Bindings: grads, blocks (0xffffffff where frozen), squares.
const COUNT: u32 = 1u;
const PARTS: u32 = 1u;

@group(0) @binding(0) var<storage, read> grads: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> blocks: array<u32>;
@group(0) @binding(2) var<storage, read_write> squares: array<f32>;

// Hook: the gradient as it is without a loss scale.
fn unscaled(g: vec4<f32>) -> vec4<f32> { return g; }

@compute @workgroup_size(64)
fn gradient_squares(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let part = id.y * groups.x * 64u + id.x;
  if (part >= PARTS) {
    return;
  }
  var sums = vec4<f32>(0.0);
  for (var i = part; i < COUNT; i += PARTS) {
    if (blocks[i / 64u] != 0xffffffffu) {
      let g = unscaled(grads[i]);
      sums += g * g;
    }
  }
  squares[part] = (sums.x + sums.y) + (sums.z + sums.w);
}
