// statistics_partial — of every part of x: finite values, their mean, squared deviations and extremes, special values,
// and a histogram of |x|.
// One thread per part; part p takes every PARTS-th vec4, so that threads side by side read side by side. Sums are taken
// of x − shift, the shift being the first value of all, so that a large mean cancels before anything is squared; the
// bins are the thread's own, so that nothing is added in an order that may change. Padding lanes are left out.
// Bindings: x; partials [part, (finite, mean − shift, M2, least, largest, at most NEAR_ZERO, NaN, Inf,
// under, over, shift, bins)].
// Source: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance"; bins as torch.histc.
const COUNT: u32 = 1u; // vec4s of x
const PARTS: u32 = 1u;
const BINS: u32 = 40u;
const WORDS: u32 = 51u; // of a part
const LOW: f32 = 0.0;
const HIGH: f32 = 10.0;
const ORIGIN: f32 = 0.0; // LOW, or its binary logarithm
const SCALE: f32 = 4.0; // bins for each unit, or for each octave
const NEAR_ZERO: f32 = 0.05;
// Padded sizes of the two innermost axes, and how many of those are elements.
const PADDED: bool = true;
const INNER: u32 = 4u;
const INNER_TRUE: u32 = 1u;
const OUTER: u32 = 1u;
const OUTER_TRUE: u32 = 1u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> partials: array<u32>;

// Hook: where a magnitude lies on the axis of the bins.
fn place(a: vec4<f32>) -> vec4<f32> { return a; }

// NaN, infinite, below LOW, above HIGH, then the bins, then what is padding.
var<private> counts: array<u32, BINS + 5u>;

// Slot of each of four magnitudes among the counts.
fn slots(magnitude: vec4<u32>, real: vec4<bool>) -> vec4<u32> {
  let a = bitcast<vec4<f32>>(magnitude);
  let position = clamp((place(a) - ORIGIN) * SCALE, vec4<f32>(0.0), vec4<f32>(f32(BINS)));
  let bin = min(vec4<u32>(position), vec4<u32>(BINS - 1u));
  var slot = bin + 4u;
  slot = select(slot, vec4<u32>(3u), a > vec4<f32>(HIGH));
  slot = select(slot, vec4<u32>(2u), a < vec4<f32>(LOW));
  // Comparisons with NaN may be folded away: those of the bits cannot.
  slot = select(slot, vec4<u32>(1u), magnitude >= vec4<u32>(0x7f800000u));
  slot = select(slot, vec4<u32>(0u), magnitude > vec4<u32>(0x7f800000u));
  return select(vec4<u32>(BINS + 4u), slot, real);
}

// Which lanes of vec4 number i are elements.
fn elements(i: u32) -> vec4<bool> {
  if (!PADDED) {
    return vec4<bool>(true);
  }
  let inner = (i * 4u) % INNER;
  let isRow = ((i * 4u) / INNER) % OUTER < OUTER_TRUE;
  return (vec4<u32>(inner) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(INNER_TRUE)) & vec4<bool>(isRow);
}

@compute @workgroup_size(32)
fn statistics_partial(@builtin(global_invocation_id) id: vec3u) {
  let part = id.x;
  if (part >= PARTS) {
    return;
  }
  for (var k = 0u; k < BINS + 5u; k++) {
    counts[k] = 0u;
  }
  let first = x[0].x;
  let shift = select(0.0, first, (bitcast<u32>(first) & 0x7fffffffu) < 0x7f800000u);
  var sum = vec4<f32>(0.0);
  var squares = vec4<f32>(0.0);
  var least = vec4<f32>(0x1.fffffep127);
  var largest = vec4<f32>(-0x1.fffffep127);
  var near = vec4<u32>(0u);
  for (var i = part; i < COUNT; i += PARTS) {
    let v = x[i];
    let magnitude = bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu);
    let real = elements(i);
    let finite = real & (magnitude < vec4<u32>(0x7f800000u));
    let d = select(vec4<f32>(0.0), v - shift, finite);
    sum += d;
    squares += d * d;
    least = min(least, select(least, v, finite));
    largest = max(largest, select(largest, v, finite));
    near += select(vec4<u32>(0u), vec4<u32>(1u), finite & (v <= vec4<f32>(NEAR_ZERO)));
    let slot = slots(magnitude, real);
    counts[slot.x] += 1u;
    counts[slot.y] += 1u;
    counts[slot.z] += 1u;
    counts[slot.w] += 1u;
  }
  let base = part * WORDS;
  var finites = 0u;
  for (var k = 0u; k < BINS + 4u; k++) {
    partials[base + 6u + k + select(0u, 1u, k > 3u)] = counts[k];
    finites += select(counts[k], 0u, k < 2u);
  }
  let n = max(1.0, f32(finites));
  let mean = (sum.x + sum.y + sum.z + sum.w) / n;
  let deviations = (squares.x + squares.y + squares.z + squares.w) - n * mean * mean;
  partials[base] = finites;
  partials[base + 1u] = bitcast<u32>(mean);
  partials[base + 2u] = bitcast<u32>(max(0.0, deviations));
  partials[base + 3u] = bitcast<u32>(min(min(least.x, least.y), min(least.z, least.w)));
  partials[base + 4u] = bitcast<u32>(max(max(largest.x, largest.y), max(largest.z, largest.w)));
  partials[base + 5u] = near.x + near.y + near.z + near.w;
  partials[base + 10u] = bitcast<u32>(shift);
}
