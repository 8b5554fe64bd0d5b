// gather_pixels — y[n, h, w, c] = normalise(source[indices[start + n], c, h, w]): a batch of images, channels last.
// One thread per pixel and four channels; channels beyond the true ones are stored as 0.
// Bindings: source (whole data set: four bytes a word, or f32 bits), indices (order of the epoch), y.
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
const QUADS: u32 = 1u;
const PIXELS: u32 = 1u;

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(2) @binding(0) var<uniform> step: Step;

// Hook: element i of the data set as a number.
fn element(i: u32) -> f32 { return f32((source[i / 4u] >> (8u * (i % 4u))) & 255u) / 255.0; }

// Hook: (v − mean) / deviation of channels 4q … 4q + 3.
fn normalise(v: vec4<f32>, q: u32) -> vec4<f32> { return v; }

@compute @workgroup_size(64)
fn gather_pixels(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let q = i % QUADS;
  let pixel = (i / QUADS) % PIXELS;
  let example = indices[step.batch_start + i / (QUADS * PIXELS)];
  var v = vec4<f32>(0.0);
  for (var lane = 0u; lane < 4u; lane++) {
    let c = q * 4u + lane;
    if (c < CHANNELS) {
      v[lane] = element((example * CHANNELS + c) * PIXELS + pixel);
    }
  }
  v = normalise(v, q);
  for (var lane = 0u; lane < 4u; lane++) {
    if (q * 4u + lane >= CHANNELS) {
      v[lane] = 0.0;
    }
  }
  y[i] = v;
}
