// sgd — w -= lr·(g + decay·w) over the flat buffer of all parameters, without momentum.
// A thread takes ITEMS vec4s, 64 / ITEMS apart; blocks holds the parameter group of every 64, 0xffffffff if frozen.
// Bindings: params, grads, blocks, scale (multiplies gradients; below 0: no step).
struct Step {
  index: u32,
  seed: u32,
  micro: u32,
  accumulate: u32,
  record_row: u32,
  batch_start: u32,
  batch_size: u32,
  optimizer_step: u32,
  // By parameter group: (lr, momentum or beta1, 1 - beta1, decay),
  // (eps or dampening, 1 - beta2, 1 - beta1^t, 1 - beta2^t).
  groups: array<vec4<f32>, 30>,
}

const COUNT: u32 = 1u;
const ITEMS: u32 = 1u;
const CLIPPED: bool = false;
const CLIP: f32 = 1.0;

@group(0) @binding(0) var<storage, read_write> params: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grads: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> blocks: array<u32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(2) @binding(0) var<uniform> step: Step;

// Gradient elements cut to the range from -CLIP to CLIP; a NaN passes.
fn clipped(g: vec4<f32>) -> vec4<f32> {
  if (!CLIPPED) {
    return g;
  }
  let low = select(g, vec4<f32>(-CLIP), g < vec4<f32>(-CLIP));
  return select(low, vec4<f32>(CLIP), low > vec4<f32>(CLIP));
}

@compute @workgroup_size(64)
fn sgd(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let thread = id.y * groups.x * 64u + id.x;
  // Neighbouring threads take neighbouring vec4s, and all of a thread's lie in one block.
  let segment = thread * ITEMS / 64u;
  let first = segment * 64u + thread % (64u / ITEMS);
  if (first >= COUNT) {
    return;
  }
  let group = blocks[segment];
  if (group == 0xffffffffu || scale[0] < 0.0) {
    return;
  }
  let hyper = step.groups[2u * group];
  let factor = scale[0];
  for (var item = 0u; item < ITEMS; item++) {
    let i = first + item * (64u / ITEMS);
    let w = params[i];
    params[i] = w - hyper.x * (clipped(factor * grads[i]) + hyper.w * w);
  }
}
