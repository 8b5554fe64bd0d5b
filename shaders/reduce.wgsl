// reduce — y[p, k] = combine over r in part p of x[k, r]: sum or maximum over any axes in any layout.
// One thread per element of y. KEPT_* and REDUCED_* are x's axes as (size, stride) pairs, outermost first. The
// innermost reduced axis is the longest; part p takes every PARTS-th of its elements, so that threads side by side
// read side by side. Every axis is summed apart, to keep rounding small.
alias Elem = f32;
const COUNT: u32 = 1u;
const PARTS: u32 = 1u;
const KEPT_SIZE_1: u32 = 1u;
const KEPT_SIZE_2: u32 = 1u;
const KEPT_SIZE_3: u32 = 1u;
const KEPT_STRIDE_0: u32 = 0u;
const KEPT_STRIDE_1: u32 = 0u;
const KEPT_STRIDE_2: u32 = 0u;
const KEPT_STRIDE_3: u32 = 0u;
const REDUCED_SIZE_0: u32 = 1u;
const REDUCED_SIZE_1: u32 = 1u;
const REDUCED_SIZE_2: u32 = 1u;
const REDUCED_SIZE_3: u32 = 1u;
const REDUCED_STRIDE_0: u32 = 0u;
const REDUCED_STRIDE_1: u32 = 0u;
const REDUCED_STRIDE_2: u32 = 0u;
const REDUCED_STRIDE_3: u32 = 0u;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

// Hook: the operation, associative and commutative.
fn combine(a: f32, b: f32) -> f32 { return a + b; }
// Hook: what it starts from; `at` is the place of one of the elements.
fn start(at: u32) -> f32 { return 0.0; }
// Fusion hook: v = value about to be stored, i = element index in y.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

// True for a NaN: a comparison of v with itself may be folded away.
fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

@compute @workgroup_size(64)
fn reduce(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT * PARTS) {
    return;
  }
  let k = i % COUNT;
  let part = i / COUNT;
  let k3 = k % KEPT_SIZE_3;
  let k2 = (k / KEPT_SIZE_3) % KEPT_SIZE_2;
  let k1 = (k / (KEPT_SIZE_3 * KEPT_SIZE_2)) % KEPT_SIZE_1;
  let k0 = k / (KEPT_SIZE_3 * KEPT_SIZE_2 * KEPT_SIZE_1);
  let base = k0 * KEPT_STRIDE_0 + k1 * KEPT_STRIDE_1 + k2 * KEPT_STRIDE_2 + k3 * KEPT_STRIDE_3;
  // A part may be empty: it then starts from an element of another one.
  let neutral = start(base + min(part, REDUCED_SIZE_3 - 1u) * REDUCED_STRIDE_3);
  var total = neutral;
  for (var r0 = 0u; r0 < REDUCED_SIZE_0; r0++) {
    for (var r1 = 0u; r1 < REDUCED_SIZE_1; r1++) {
      let outer = base + r0 * REDUCED_STRIDE_0 + r1 * REDUCED_STRIDE_1;
      var inner = neutral;
      for (var r2 = 0u; r2 < REDUCED_SIZE_2; r2++) {
        var innermost = neutral;
        for (var r3 = part; r3 < REDUCED_SIZE_3; r3 += PARTS) {
          innermost = combine(innermost, x[outer + r2 * REDUCED_STRIDE_2 + r3 * REDUCED_STRIDE_3]);
        }
        inner = combine(inner, innermost);
      }
      total = combine(total, inner);
    }
  }
  y[i] = epilogue(total, i, 0u);
}
