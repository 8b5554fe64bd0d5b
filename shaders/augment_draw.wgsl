// augment_draw — how each image of a batch is changed, from (key of the epoch, example): one thread per image.
// params[n]: the matrix that takes a place in the result to one in the source, both from the middle (xx, xy, yx, yy);
// (x and y of the middle's source, contrast, brightness); the box that is cut out (left, top, right, bottom).
// Number k of an image's stream belongs to one change, so that others do not move when one is added.
// Bindings: indices (order of the epoch), key, params. Bits as in src/core/random.ts.
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
const WIDTH: f32 = 1.0;
const HEIGHT: f32 = 1.0;
// Largest moves in pixels, of any size and whole ones.
const SHIFT_X: f32 = 0.0;
const SHIFT_Y: f32 = 0.0;
const CROP: f32 = 0.0;
const FLIP_X: bool = false;
const FLIP_Y: bool = false;
// Radians, and the tangent of the largest shear.
const ROTATE: f32 = 0.0;
const SHEAR: f32 = 0.0;
// Logarithms of the least and the largest scale.
const SCALE_LOW: f32 = 0.0;
const SCALE_HIGH: f32 = 0.0;
const BRIGHTNESS: f32 = 0.0;
const CONTRAST: f32 = 0.0;
// Side of the square that is cut out, in pixels.
const CUTOUT: f32 = 0.0;

@group(0) @binding(0) var<storage, read> indices: array<u32>;
@group(0) @binding(1) var<storage, read> key: array<u32>;
@group(0) @binding(2) var<storage, read_write> params: array<vec4<f32>>;
@group(2) @binding(0) var<uniform> step: Step;

fn pcg(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

fn random_unit(key: u32, index: u32) -> f32 {
  return f32(pcg(pcg(index ^ key) + key) >> 8u) / 16777216.0;
}

// Uniform in [−most, most).
fn spread(stream: u32, k: u32, most: f32) -> f32 {
  return most * (2.0 * random_unit(stream, k) - 1.0);
}

@compute @workgroup_size(64)
fn augment_draw(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= COUNT) {
    return;
  }
  let stream = pcg(key[0] ^ indices[step.batch_start + id.x]);
  // Taking a place back: against the rotation, the shear, the scale, then the flips.
  var matrix = mat2x2<f32>(1.0, 0.0, 0.0, 1.0);
  if (ROTATE != 0.0) {
    let angle = spread(stream, 6u, ROTATE);
    matrix = mat2x2<f32>(cos(angle), -sin(angle), sin(angle), cos(angle));
  }
  if (SHEAR != 0.0) {
    matrix = mat2x2<f32>(1.0, 0.0, -spread(stream, 8u, SHEAR), 1.0) * matrix;
  }
  if (SCALE_LOW != 0.0 || SCALE_HIGH != 0.0) {
    matrix *= exp(-mix(SCALE_LOW, SCALE_HIGH, random_unit(stream, 7u)));
  }
  let turned = vec2<bool>(
    FLIP_X && random_unit(stream, 4u) < 0.5,
    FLIP_Y && random_unit(stream, 5u) < 0.5,
  );
  let flips = select(vec2<f32>(1.0), vec2<f32>(-1.0), turned);
  let whole = floor(vec2<f32>(random_unit(stream, 2u), random_unit(stream, 3u)) * (2.0 * CROP + 1.0)) - CROP;
  let moved = whole + vec2<f32>(spread(stream, 0u, SHIFT_X), spread(stream, 1u, SHIFT_Y));
  let middle = 0.5 * vec2<f32>(WIDTH - 1.0, HEIGHT - 1.0);
  let origin = middle - flips * (matrix * moved);
  params[3u * id.x] = flips.xxyy * vec4<f32>(matrix[0].x, matrix[1].x, matrix[0].y, matrix[1].y);
  params[3u * id.x + 1u] = vec4<f32>(origin, 1.0 + spread(stream, 10u, CONTRAST), spread(stream, 9u, BRIGHTNESS));
  let cut = floor(vec2<f32>(random_unit(stream, 11u) * WIDTH, random_unit(stream, 12u) * HEIGHT)) - floor(0.5 * CUTOUT);
  params[3u * id.x + 2u] = vec4<f32>(cut, cut + CUTOUT);
}
