// adam — m = b1·m + (1 - b1)·g; v = b2·v + (1 - b2)·g²; w -= lr·(m / c1) / (sqrt(v / c2) + eps), c = 1 - b^t, over the
// flat buffer of all parameters. Weight decay is added to g, or where DECOUPLED shrinks w by lr·decay (AdamW).
// A thread takes ITEMS vec4s, 64 / ITEMS apart; blocks holds the parameter group of every 64, 0xffffffff if frozen.
// Bindings: params, grads, blocks, first_moment, second_moment, scale (multiplies gradients; below 0: no step).
// Source: Kingma & Ba 2015 (arXiv:1412.6980); Loshchilov & Hutter 2019 (arXiv:1711.05101); torch.optim for the order.
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
const DECOUPLED: bool = false;

@group(0) @binding(0) var<storage, read_write> params: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grads: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> blocks: array<u32>;
@group(0) @binding(3) var<storage, read_write> first_moment: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> second_moment: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> scale: array<f32>;
@group(2) @binding(0) var<uniform> step: Step;

// Hook: steps that the optimizer has taken before this one; those that were skipped do not count.
fn steps_taken() -> u32 { return step.optimizer_step; }

// Hook: 1 - b1^t and 1 - b2^t of a group, t counting this step too.
fn corrections(group: u32) -> vec2<f32> { return step.groups[2u * group + 1u].zw; }

// Gradient elements cut to the range from -CLIP to CLIP; a NaN passes.
fn clipped(g: vec4<f32>) -> vec4<f32> {
  if (!CLIPPED) {
    return g;
  }
  let low = select(g, vec4<f32>(-CLIP), g < vec4<f32>(-CLIP));
  return select(low, vec4<f32>(CLIP), low > vec4<f32>(CLIP));
}

@compute @workgroup_size(64)
fn adam(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
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
  let more = step.groups[2u * group + 1u];
  let lr = hyper.x;
  let decay = hyper.w;
  let correction = corrections(group);
  let start = steps_taken() == 0u;
  let factor = scale[0];
  for (var item = 0u; item < ITEMS; item++) {
    let i = first + item * (64u / ITEMS);
    let w = params[i];
    let g = clipped(factor * grads[i]) + select(decay, 0.0, DECOUPLED) * w;
    let m = hyper.y * select(first_moment[i], vec4<f32>(0.0), start) + hyper.z * g;
    let v = (1.0 - more.y) * select(second_moment[i], vec4<f32>(0.0), start) + more.y * g * g;
    first_moment[i] = m;
    second_moment[i] = v;
    let size = sqrt(v) / sqrt(correction.y) + more.x;
    // Without eps, what never had a gradient (padding above all) would divide 0 by 0.
    let change = select(m / size, vec4<f32>(0.0), m == vec4<f32>(0.0));
    params[i] = select(w, w - lr * decay * w, DECOUPLED) - lr / correction.x * change;
  }
}
