// digit_strokes — pen strokes of one handwritten digit an image, as segments in pixels. One thread per image.
// A form of the digit is drawn by weight; its keyframes are mixed, its points jittered, curves laid through them
// (Catmull-Rom), bent, leaned and scaled to 20 pixels, and their ink centred in 28 x 28, as MNIST was made.
// Every number depends on (seed, epoch, image) only; the digit is image mod 10. All of it in units of the form's square
// until `fit`, then in pixels.
// segments[i]: (count, 1 / softness, fade, phase), the fade's wave vectors, then two vec4s a segment:
// (x, y, dx, dy), (radius, its change, 1 / length², reach).
// Bindings: forms (packed by src/data/digit-forms.ts), segments. Bits as in src/core/random.ts.
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
// Segments of an image at most.
const SEGMENTS: u32 = 48u;
// Pixels by which an image is moved at most, each way.
const SHIFT: f32 = 0.0;

const SAMPLES: u32 = 4u;
const CENTRE: f32 = 14.0;
const BOX: f32 = 20.0;
const TAU: f32 = 6.2831853;

@group(0) @binding(0) var<storage, read> forms: array<u32>;
@group(0) @binding(1) var<storage, read_write> segments: array<vec4<f32>>;
@group(2) @binding(0) var<uniform> step: Step;

var<private> key: u32;
var<private> drawn: u32;
// Control points with (corner, last of its stroke).
var<private> control: array<vec2<f32>, 16>;
var<private> flags: array<vec2<bool>, 16>;
// Points of the curves with the pen's radius there; `joined` to the one before or not.
var<private> curve: array<vec3<f32>, 64>;
var<private> joined: array<bool, 64>;

fn pcg(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

fn random_unit(key: u32, index: u32) -> f32 {
  return f32(pcg(pcg(index ^ key) + key) >> 8u) / 16777216.0;
}

// The next number of the image's stream, in [0, 1).
fn next_unit() -> f32 {
  let u = random_unit(key, drawn);
  drawn++;
  return u;
}

// The next two standard normals.
fn next_normals() -> vec2<f32> {
  let radius = sqrt(-2.0 * log(1.0 - next_unit()));
  let angle = TAU * next_unit();
  return radius * vec2<f32>(cos(angle), sin(angle));
}

// Place of the record of a form of the digit: (cumulative share, keyframes, points, place of the points).
fn choose_form(digit: u32) -> u32 {
  let first = forms[2u * digit];
  let count = forms[2u * digit + 1u];
  let u = next_unit();
  var chosen = 0u;
  for (var f = 0u; f + 1u < count; f++) {
    if (u >= bitcast<f32>(forms[first + 4u * f])) {
      chosen = f + 1u;
    }
  }
  return first + 4u * chosen;
}

// Mixes the keyframes by random convex weights pushed a quarter beyond the hull, and jitters the points.
fn draw_control(form: u32) -> u32 {
  let keys = forms[form + 1u];
  let count = forms[form + 2u];
  let first = forms[form + 3u];
  var weights = vec4<f32>(0.0);
  var total = 0.0;
  for (var k = 0u; k < keys; k++) {
    weights[k] = -log(1.0 - next_unit());
    total += weights[k];
  }
  weights = 1.25 * weights / total - 0.25 / f32(keys);
  let cornered = first + u32(next_unit() * f32(keys)) * count;
  let jitter = 0.06 * clamp(exp(0.5 * next_normals().x), 0.3, 2.5);
  var starts = true;
  for (var p = 0u; p < count; p++) {
    var place = vec2<f32>(0.0);
    for (var k = 0u; k < keys; k++) {
      let word = forms[first + k * count + p];
      place += weights[k] * (vec2<f32>(f32(word & 1023u), f32((word >> 10u) & 1023u)) - 256.0) / 100.0;
    }
    let word = forms[cornered + p];
    flags[p] = vec2<bool>((word & (1u << 20u)) != 0u, (word & (1u << 21u)) != 0u);
    control[p] = place + jitter * select(1.0, 1.3, starts || flags[p].y) * next_normals();
    starts = flags[p].y;
  }
  return count;
}

// Turns, scales and moves each stroke about its own middle.
fn move_strokes(count: u32) {
  var first = 0u;
  for (var p = 0u; p < count; p++) {
    if (!flags[p].y) {
      continue;
    }
    var middle = vec2<f32>(0.0);
    for (var q = first; q <= p; q++) {
      middle += control[q] / f32(p + 1u - first);
    }
    let turned = next_normals();
    let angle = 0.09 * turned.x;
    let scaled = (1.0 + 0.06 * turned.y) * vec2<f32>(cos(angle), sin(angle));
    let moved = middle + 0.03 * next_normals();
    for (var q = first; q <= p; q++) {
      let d = control[q] - middle;
      control[q] = moved + vec2<f32>(scaled.x * d.x - scaled.y * d.y, scaled.y * d.x + scaled.x * d.y);
    }
    first = p + 1u;
  }
}

// Catmull-Rom through the control points, tangents at ends and corners by reflection; returns the number of points.
fn draw_curves(count: u32) -> u32 {
  var length = 0u;
  var starts = true;
  for (var p = 0u; p < count; p++) {
    if (starts) {
      curve[length] = vec3<f32>(control[p], 0.0);
      joined[length] = false;
      length++;
    }
    let open = starts || flags[p].x;
    starts = flags[p].y;
    if (starts) {
      continue;
    }
    let b = control[p];
    let c = control[p + 1u];
    var a = 2.0 * b - c;
    var d = 2.0 * c - b;
    if (!open) {
      a = control[p - 1u];
    }
    if (!flags[p + 1u].x && !flags[p + 1u].y) {
      d = control[p + 2u];
    }
    for (var s = 1u; s <= SAMPLES; s++) {
      let t = f32(s) / f32(SAMPLES);
      let place = b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)));
      curve[length] = vec3<f32>(place, 0.0);
      joined[length] = true;
      length++;
    }
  }
  return length;
}

// Bends the curves by three plane waves, then perspective, aspect, slant and rotation.
fn bend(length: u32, digit: u32) {
  var waves = array<f32, 3>(3.0, 5.0, 8.0);
  var vectors: array<vec4<f32>, 3> = array<vec4<f32>, 3>();
  var phases = vec3<f32>(0.0);
  for (var w = 0u; w < 3u; w++) {
    let angle = TAU * next_unit();
    let direction = waves[w] * vec2<f32>(cos(angle), sin(angle));
    vectors[w] = vec4<f32>(direction, 0.08 * 3.0 / waves[w] * next_normals());
    phases[w] = TAU * next_unit();
  }
  let linear = 0.15 * next_normals();
  let lean = next_normals();
  let shear = 0.18 + select(0.25, 0.425, digit == 1u) * lean.x;
  let aspect = exp(0.18 * lean.y);
  let angle = 0.08 * next_normals().x;
  let turn = vec2<f32>(cos(angle), sin(angle));
  for (var p = 0u; p < length; p++) {
    let place = curve[p].xy;
    var d = place - 0.5;
    for (var w = 0u; w < 3u; w++) {
      d += vectors[w].zw * sin(dot(vectors[w].xy, place) + phases[w]);
    }
    d = vec2<f32>(d.x * (1.0 + linear.x * d.y), d.y * (1.0 + linear.y * d.y));
    d = vec2<f32>(aspect * d.x - shear * d.y, d.y);
    curve[p] = vec3<f32>(turn.x * d.x - turn.y * d.y, turn.y * d.x + turn.x * d.y, 0.0);
  }
}

// The pen's radius along the curves, in pixels: a slow sine, and a nib by the direction of travel.
fn press(length: u32) -> f32 {
  let radius = clamp(exp(0.12 + 0.32 * next_normals().x), 0.55, 2.9);
  let slow = TAU * vec2<f32>(next_unit(), 0.5 + next_unit());
  let nib = TAU * next_unit();
  for (var p = 0u; p < length; p++) {
    var before = p;
    var after = p;
    if (joined[p]) {
      before = p - 1u;
    }
    if (p + 1u < length) {
      if (joined[p + 1u]) {
        after = p + 1u;
      }
    }
    let d = curve[after].xy - curve[before].xy;
    let twice = vec2<f32>(d.x * d.x - d.y * d.y, 2.0 * d.x * d.y) / max(dot(d, d), 1e-9);
    let along = sin(slow.x + slow.y * f32(p) / f32(length));
    curve[p].z = radius * (1.0 + 0.18 * along) * (1.0 + 0.12 * dot(twice, vec2<f32>(cos(nib), sin(nib))));
  }
  return radius;
}

// The inked box of the curves scaled by s: (left, top, right, bottom).
fn inked_box(length: u32, s: f32) -> vec4<f32> {
  var box = vec4<f32>(1e9, 1e9, -1e9, -1e9);
  for (var p = 0u; p < length; p++) {
    let c = vec3<f32>(s * curve[p].xy, curve[p].z);
    box = vec4<f32>(min(box.xy, c.xy - c.z), max(box.zw, c.xy + c.z));
  }
  return box;
}

// Scales the larger side of the inked box to BOX, then moves the ink's centre of mass to the image's, by whole pixels.
fn fit(length: u32, radius: f32) {
  var box = inked_box(length, 1.0);
  var s = (BOX - 2.0 * radius) / max(max(box.z - box.x, box.w - box.y) - 2.0 * radius, 1e-3);
  for (var turn = 0u; turn < 3u; turn++) {
    box = inked_box(length, s);
    s *= (BOX - 2.0 * radius) / max(max(box.z - box.x, box.w - box.y) - 2.0 * radius, 1e-3);
  }
  box = inked_box(length, s);
  var mass = vec3<f32>(0.0, 0.0, 1e-9);
  for (var p = 0u; p < length; p++) {
    curve[p] = vec3<f32>(s * curve[p].xy - box.xy, curve[p].z);
    if (joined[p]) {
      let a = curve[p - 1u];
      let b = curve[p];
      mass += vec3<f32>(0.5 * (a.xy + b.xy), 1.0) * distance(a.xy, b.xy) * (a.z + b.z);
    }
  }
  let shift = floor(vec2<f32>(next_unit(), next_unit()) * (2.0 * SHIFT + 1.0)) - SHIFT;
  let moved = floor(CENTRE - mass.xy / mass.z + 0.5) + shift;
  for (var p = 0u; p < length; p++) {
    curve[p] = vec3<f32>(curve[p].xy + moved, curve[p].z);
  }
}

fn store_strokes(image: u32, length: u32) {
  let softness = 0.9 + 0.6 * next_unit();
  let first = image * (2u + 2u * SEGMENTS);
  var count = 0u;
  for (var p = 0u; p < length; p++) {
    if (joined[p]) {
      let a = curve[p - 1u];
      let d = curve[p] - a;
      let i = first + 2u + 2u * count;
      segments[i] = vec4<f32>(a.xy, d.xy);
      let reach = max(a.z, a.z + d.z) + 0.5 * softness;
      segments[i + 1u] = vec4<f32>(a.z, d.z, 1.0 / max(dot(d.xy, d.xy), 1e-9), reach);
      count++;
    }
  }
  // In a few images some ink is missing where a product of two waves is above a level.
  let fade = select(2.0, 0.35 + 0.4 * next_unit(), next_unit() < 0.08);
  segments[first] = vec4<f32>(f32(count), 1.0 / softness, fade, TAU * next_unit());
  let waves = vec4<f32>(next_normals(), next_normals());
  segments[first + 1u] = 0.25 * waves;
}

@compute @workgroup_size(64)
fn digit_strokes(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= min(COUNT, step.batch_size)) {
    return;
  }
  let image = step.batch_start + i;
  key = pcg(pcg(pcg(0x9e3779b9u ^ step.seed) ^ step.index) ^ image);
  drawn = 0u;
  let digit = image % 10u;
  let count = draw_control(choose_form(digit));
  var strokes = 0u;
  for (var p = 0u; p < count; p++) {
    strokes += u32(flags[p].y);
  }
  if (strokes > 1u) {
    move_strokes(count);
  }
  let length = draw_curves(count);
  bend(length, digit);
  fit(length, press(length));
  store_strokes(i, length);
}
