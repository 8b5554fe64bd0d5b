// gather_augmented — a batch of images, each moved, turned, flipped, brightened and cut as its params say.
// y[n, c, p] = normalise(contrast · (s − 1/2) + 1/2 + brightness), s the source between the four pixels around the
// place that p comes from, FILL outside; 0 in the box that is cut out. One thread per pixel of the result.
// Bindings: source (whole data set: four bytes a word, or f32 bits), indices (order of the epoch), params, y.
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
const CHANNELS: u32 = 1u;
const HEIGHT: u32 = 1u;
const WIDTH: u32 = 1u;
const FILL: f32 = 0.0;

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(2) @binding(0) var<uniform> step: Step;

// Hook: element i of the data set as a number.
fn element(i: u32) -> f32 { return f32((source[i / 4u] >> (8u * (i % 4u))) & 255u) / 255.0; }

// Hook: (v − mean) / deviation of channel c.
fn normalise(v: f32, c: u32) -> f32 { return v; }

// A pixel of the plane that starts at `first`, FILL outside of it.
fn pixel_at(first: u32, x: i32, y: i32) -> f32 {
  if (x < 0 || y < 0 || x >= i32(WIDTH) || y >= i32(HEIGHT)) {
    return FILL;
  }
  return element(first + u32(y) * WIDTH + u32(x));
}

@compute @workgroup_size(64)
fn gather_augmented(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let pixel = i % (WIDTH * HEIGHT);
  let n = i / (WIDTH * HEIGHT);
  let example = indices[step.batch_start + n];
  let matrix = params[3u * n];
  let light = params[3u * n + 1u];
  let cut = params[3u * n + 2u];
  let to = vec2<f32>(f32(pixel % WIDTH), f32(pixel / WIDTH));
  let away = to - 0.5 * vec2<f32>(f32(WIDTH) - 1.0, f32(HEIGHT) - 1.0);
  let at = light.xy + vec2<f32>(dot(matrix.xy, away), dot(matrix.zw, away));
  let low = floor(at);
  let part = at - low;
  let left = i32(low.x);
  let top = i32(low.y);
  let is_cut = all(to >= cut.xy) && all(to < cut.zw);
  for (var c = 0u; c < CHANNELS; c++) {
    let first = (example * CHANNELS + c) * HEIGHT * WIDTH;
    let above = mix(pixel_at(first, left, top), pixel_at(first, left + 1, top), part.x);
    let below = mix(pixel_at(first, left, top + 1), pixel_at(first, left + 1, top + 1), part.x);
    let v = light.z * (mix(above, below, part.y) - 0.5) + 0.5 + light.w;
    y[(n * CHANNELS + c) * HEIGHT * WIDTH + pixel] = select(normalise(v, c), 0.0, is_cut);
  }
}
