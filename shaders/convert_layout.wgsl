// convert_layout — y = x in another layout: every element of y, padding included, is stored once.
// One thread per element of y. Y_DIM_* are y's physical dimensions; X_STRIDE_* x's stride along each of them;
// TRUE_DIM_* the sizes without padding, beyond which PADDING is stored (0, or NaN bits in tests).
const COUNT: u32 = 1u;
const Y_DIM_1: u32 = 1u;
const Y_DIM_2: u32 = 1u;
const Y_DIM_3: u32 = 1u;
const TRUE_DIM_0: u32 = 1u;
const TRUE_DIM_1: u32 = 1u;
const TRUE_DIM_2: u32 = 1u;
const TRUE_DIM_3: u32 = 1u;
const X_STRIDE_0: u32 = 1u;
const X_STRIDE_1: u32 = 1u;
const X_STRIDE_2: u32 = 1u;
const X_STRIDE_3: u32 = 1u;
const PADDING: u32 = 0u;

// Bits are moved, not numbers: NaN payloads and integers pass unchanged.
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn convert_layout(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let i3 = i % Y_DIM_3;
  let i2 = (i / Y_DIM_3) % Y_DIM_2;
  let i1 = (i / (Y_DIM_3 * Y_DIM_2)) % Y_DIM_1;
  let i0 = i / (Y_DIM_3 * Y_DIM_2 * Y_DIM_1);
  let inside = i0 < TRUE_DIM_0 && i1 < TRUE_DIM_1 && i2 < TRUE_DIM_2 && i3 < TRUE_DIM_3;
  let offset = i0 * X_STRIDE_0 + i1 * X_STRIDE_1 + i2 * X_STRIDE_2 + i3 * X_STRIDE_3;
  var bits = PADDING;
  if (inside) {
    bits = x[offset];
  }
  y[i] = bits;
}
