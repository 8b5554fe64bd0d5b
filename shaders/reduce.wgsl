// reduce — y[k] = SCALE · combine over r of x[k, r]: sum, mean or maximum over any axes in any layout.
// One thread per element of y. KEPT_* and REDUCED_* are x's axes as (size, stride) pairs, outermost first; the two
// innermost reduced axes are summed apart, so that rounding grows with the square root of the length at worst.
const COUNT: u32 = 1u;
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
const INITIAL: f32 = 0.0;
const SCALE: f32 = 1.0;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

// Hook: the operation, associative and commutative.
fn combine(a: f32, b: f32) -> f32 { return a + b; }

@compute @workgroup_size(64)
fn reduce(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let i3 = i % KEPT_SIZE_3;
  let i2 = (i / KEPT_SIZE_3) % KEPT_SIZE_2;
  let i1 = (i / (KEPT_SIZE_3 * KEPT_SIZE_2)) % KEPT_SIZE_1;
  let i0 = i / (KEPT_SIZE_3 * KEPT_SIZE_2 * KEPT_SIZE_1);
  let base = i0 * KEPT_STRIDE_0 + i1 * KEPT_STRIDE_1 + i2 * KEPT_STRIDE_2 + i3 * KEPT_STRIDE_3;
  var total = INITIAL;
  for (var r0 = 0u; r0 < REDUCED_SIZE_0; r0++) {
    for (var r1 = 0u; r1 < REDUCED_SIZE_1; r1++) {
      let outer = base + r0 * REDUCED_STRIDE_0 + r1 * REDUCED_STRIDE_1;
      var inner = INITIAL;
      for (var r2 = 0u; r2 < REDUCED_SIZE_2; r2++) {
        var innermost = INITIAL;
        for (var r3 = 0u; r3 < REDUCED_SIZE_3; r3++) {
          innermost = combine(innermost, x[outer + r2 * REDUCED_STRIDE_2 + r3 * REDUCED_STRIDE_3]);
        }
        inner = combine(inner, innermost);
      }
      total = combine(total, inner);
    }
  }
  y[i] = total * SCALE;
}
