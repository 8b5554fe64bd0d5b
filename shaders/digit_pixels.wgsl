// digit_pixels — images of 28 x 28 bytes from pen strokes: ink = clamp(1/2 − d / softness), d the distance of a pixel's
// middle to the nearest segment minus the pen's radius there. One thread per row of an image; it stores seven words.
// A segment is passed over in rows, and in fours of their pixels, that it does not reach.
// In images with a fade, ink goes where two waves are high.
// Bindings: segments (by digit_strokes), images (all of the data set; those of this run are written).
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
const SEGMENTS: u32 = 48u;
// Rows of an image, and words of a row.
const ROWS: u32 = 28u;
const WORDS: u32 = 7u;

@group(0) @binding(0) var<storage, read> segments: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> images: array<u32>;
@group(2) @binding(0) var<uniform> step: Step;

// Distance of four pixels of a row to the edge of a segment's ink, negative inside.
fn edge_distance(x: vec4<f32>, y: f32, line: vec4<f32>, pen: vec4<f32>) -> vec4<f32> {
  let px = x - line.x;
  let py = y - line.y;
  let t = clamp((px * line.z + py * line.w) * pen.z, vec4<f32>(0.0), vec4<f32>(1.0));
  let ox = px - t * line.z;
  let oy = py - t * line.w;
  return sqrt(ox * ox + oy * oy) - (pen.x + t * pen.y);
}

@compute @workgroup_size(64)
fn digit_pixels(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let thread = id.y * groups.x * 64u + id.x;
  let image = thread / ROWS;
  if (image >= min(COUNT, step.batch_size)) {
    return;
  }
  let row = thread % ROWS;
  let y = f32(row) + 0.5;
  let first = image * (2u + 2u * SEGMENTS);
  let head = segments[first];
  let count = u32(head.x);
  let left = vec4<f32>(0.5, 1.5, 2.5, 3.5);
  var nearest: array<vec4<f32>, 7>;
  for (var q = 0u; q < 7u; q++) { // unroll
    nearest[q] = vec4<f32>(1e9);
  }
  for (var s = 0u; s < count; s++) {
    let line = segments[first + 2u + 2u * s];
    let pen = segments[first + 3u + 2u * s];
    let above = min(line.y, line.y + line.w) - y;
    let below = y - max(line.y, line.y + line.w);
    if (max(above, below) < pen.w) {
      let lowest = min(line.x, line.x + line.z) - pen.w;
      let highest = max(line.x, line.x + line.z) + pen.w;
      for (var q = 0u; q < 7u; q++) { // unroll
        if (lowest < f32(4u * q + 4u) && highest > f32(4u * q)) {
          nearest[q] = min(nearest[q], edge_distance(left + f32(4u * q), y, line, pen));
        }
      }
    }
  }
  let to = ((step.batch_start + image) * ROWS + row) * WORDS;
  let waves = segments[first + 1u];
  for (var q = 0u; q < 7u; q++) { // unroll
    var ink = clamp(0.5 - nearest[q] * head.y, vec4<f32>(0.0), vec4<f32>(1.0));
    if (head.z < 1.0) {
      let x = left + f32(4u * q);
      let noise = sin(head.w + waves.x * x + waves.y * y) * sin(waves.z * x + waves.w * y);
      ink *= 1.0 - clamp(4.0 * (noise - head.z), vec4<f32>(0.0), vec4<f32>(1.0));
    }
    images[to + q] = pack4x8unorm(ink);
  }
}
