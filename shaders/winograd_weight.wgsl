// winograd_weight — u = G w Gᵀ: 3×3 kernels for F(4×4, 3×3), as they are (rows: input channels, columns: output
// channels) or, for the input gradient, turned by 180° with the roles of the channels exchanged.
// One thread transforms the kernels of one row and one vec4 of columns. Bindings: weight [3,3,C,K/4], whose padding
// is 0; u [36, ROWS, COLUMNS4].
// Source: Lavin and Gray 2016 (arXiv:1509.09308) §4.2, points 0, ±1, ±2.
const ROWS: u32 = 1u;
const COLUMNS4: u32 = 1u;
const EXCHANGED: bool = false;

@group(0) @binding(0) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4<f32>>;

// Tap t of the kernels of one row and vec4 of columns.
fn kernel_tap(t: u32, row: u32, column: u32) -> vec4<f32> {
  if (EXCHANGED) {
    let at = ((8u - t) * COLUMNS4 * 4u + column * 4u) * (ROWS / 4u) + row / 4u;
    let lane = row % 4u;
    return vec4<f32>(
      weight[at][lane],
      weight[at + ROWS / 4u][lane],
      weight[at + ROWS / 2u][lane],
      weight[at + ROWS / 4u * 3u][lane],
    );
  }
  return weight[(t * ROWS + row) * COLUMNS4 + column];
}

@compute @workgroup_size(64)
fn winograd_weight(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= ROWS * COLUMNS4) {
    return;
  }
  let row = i / COLUMNS4;
  let column = i % COLUMNS4;
  var d: array<vec4<f32>, 18>;
  for (var s = 0u; s < 3u; s++) { // unroll
    let w0 = kernel_tap(s, row, column);
    let w1 = kernel_tap(3u + s, row, column);
    let w2 = kernel_tap(6u + s, row, column);
    let e = (w0 + w2) / -6.0;
    let f = w1 / -6.0;
    let g = w0 / 24.0 + w2 / 6.0;
    let h = w1 / 12.0;
    d[s] = 0.25 * w0;
    d[3u + s] = e + f;
    d[6u + s] = e - f;
    d[9u + s] = g + h;
    d[12u + s] = g - h;
    d[15u + s] = w2;
  }
  for (var r = 0u; r < 6u; r++) { // unroll
    let e = (d[r * 3u] + d[r * 3u + 2u]) / -6.0;
    let f = d[r * 3u + 1u] / -6.0;
    let g = d[r * 3u] / 24.0 + d[r * 3u + 2u] / 6.0;
    let h = d[r * 3u + 1u] / 12.0;
    u[(r * 6u + 0u) * (ROWS * COLUMNS4) + i] = 0.25 * d[r * 3u];
    u[(r * 6u + 1u) * (ROWS * COLUMNS4) + i] = e + f;
    u[(r * 6u + 2u) * (ROWS * COLUMNS4) + i] = e - f;
    u[(r * 6u + 3u) * (ROWS * COLUMNS4) + i] = g + h;
    u[(r * 6u + 4u) * (ROWS * COLUMNS4) + i] = g - h;
    u[(r * 6u + 5u) * (ROWS * COLUMNS4) + i] = d[r * 3u + 2u];
  }
}
