// dropout — y = x · SCALE where a random number is at least P, else 0. Its own gradient: the same draw, applied to dy.
// One thread stores ITEMS Elems, a whole grid apart. Random numbers are numbered by the logical row-major place of an
// element: memory is [batch, PIXELS, LANES], logical [batch, CHANNELS, PIXELS]; row-major memory has one lane.
// Bits as in src/core/random.ts. Source: PCG RXS-M-XS, Jarzynski & Olano 2020, "Hash Functions for GPU Rendering".
alias Elem = f32;
const COUNT: u32 = 1u;
const ITEMS: u32 = 1u;
const WIDTH: u32 = 1u;
const LANES: u32 = 1u;
const CHANNELS: u32 = 1u;
const PIXELS: u32 = 1u;
const PER_DRAW: u32 = 1u;
const PATH_HASH: u32 = 0u;
const P: f32 = 0.5;
const SCALE: f32 = 2.0;

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

@group(0) @binding(0) var<storage, read> x: array<Elem>;
@group(0) @binding(1) var<storage, read_write> y: array<Elem>;
@group(2) @binding(0) var<uniform> step: Step;

// Hook: the random numbers of an Elem whose first element has this logical place.
fn draw(key: u32, place: u32) -> Elem { return random_unit(key, place / PER_DRAW); }
// Fusion hook: v = value about to be stored, i = element index in y, c = channel.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

fn pcg(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

fn random_unit(key: u32, index: u32) -> f32 {
  return f32(pcg(pcg(index ^ key) + key) >> 8u) / 16777216.0;
}

@compute @workgroup_size(64)
fn dropout(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let key = pcg(pcg(pcg(pcg(0x9e3779b9u ^ step.seed) ^ step.index) ^ step.micro) ^ PATH_HASH);
  let stride = groups.x * groups.y * 64u;
  let first = id.y * groups.x * 64u + id.x;
  for (var k = 0u; k < ITEMS; k++) {
    let i = first + k * stride;
    if (i < COUNT) {
      let lane = (i * WIDTH) % LANES;
      let pixel = (i * WIDTH / LANES) % PIXELS;
      let batch = i * WIDTH / (LANES * PIXELS);
      let kept = draw(key, (batch * CHANNELS + lane) * PIXELS + pixel) >= Elem(P);
      y[i] = epilogue(select(Elem(0.0), x[i] * SCALE, kept), i, lane / WIDTH);
    }
  }
}
