enable subgroups;
// winograd_matmul_transposed_quads — y[s,p] = Σ over range s of rows t: a[p,t]ᵀ b[p,t], for 36 pairs of matrices, where
// four lanes form every subgroup. Lanes stand two by two; each computes 8 × 2 vec4s. It loads one of its two vec4s of a
// and one of b, and takes the others from its neighbours: a's from the lane beside it, b's from the lane below it.
// Bindings: a [36, INNER, ROWS4]; b [36, INNER, COLUMNS4]; y [SPLITS, 36, 4·ROWS4, COLUMNS4].
const INNER: u32 = 1u;
const ROWS4: u32 = 1u;
const COLUMNS4: u32 = 1u;
const SPLITS: u32 = 1u;
const SPLIT_INNER: u32 = 1u; // rows of a range
const UNROLL: u32 = 4u;
const TAIL: bool = true; // false where ranges and turns of the loop come out even

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(64)
fn winograd_matmul_transposed_quads(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  const ROW_TILES = (ROWS4 + 3u) / 4u;
  const COLUMN_TILES = (COLUMNS4 + 3u) / 4u;
  let right = local & 1u;
  let lower = (local >> 1u) & 1u;
  let quad = (group.y * groups.x + group.x) * 16u + local / 4u;
  let pair = quad / (ROW_TILES * COLUMN_TILES);
  // No lane may leave: its neighbours need what it loads. What lies beyond the end is not stored.
  let matrix = pair % 36u;
  let split = min(pair / 36u, SPLITS - 1u);
  let row = (quad / COLUMN_TILES % ROW_TILES * 2u + lower) * 2u;
  let column = (quad % COLUMN_TILES * 2u + right) * 2u;
  let own_row = row + right;
  let other_row = row + (1u - right);
  let own_column = column + lower;
  let other_column = column + (1u - lower);
  let first = matrix * INNER + split * SPLIT_INNER;
  let end = min(first + SPLIT_INNER, matrix * INNER + INNER);
  let a_column = min(own_row, ROWS4 - 1u);
  let b_column = min(own_column, COLUMNS4 - 1u);
  var acc: array<vec4<f32>, 16>;
  for (var k = 0u; k < SPLIT_INNER; k += UNROLL) {
    for (var t = 0u; t < UNROLL; t++) { // unroll
      let at = first + k + t;
      let inner = select(at, min(at, end - 1u), TAIL);
      let a0 = a[inner * ROWS4 + a_column];
      let b0 = select(vec4<f32>(), b[inner * COLUMNS4 + b_column], !TAIL || at < end);
      let a1 = quadSwapX(a0);
      let b1 = quadSwapY(b0);
      for (var q = 0u; q < 4u; q++) { // unroll
        acc[q] += a0[q] * b0;
        acc[4u + q] += a0[q] * b1;
        acc[8u + q] += a1[q] * b0;
        acc[12u + q] += a1[q] * b1;
      }
    }
  }
  let base = (split * 36u + matrix) * (ROWS4 * 4u);
  for (var q = 0u; q < 4u; q++) { // unroll
    let y0 = (base + own_row * 4u + q) * COLUMNS4;
    let y1 = (base + other_row * 4u + q) * COLUMNS4;
    let inside = pair < 36u * SPLITS;
    if (inside && own_row < ROWS4 && own_column < COLUMNS4) {
      y[y0 + own_column] = acc[q];
    }
    if (inside && own_row < ROWS4 && other_column < COLUMNS4) {
      y[y0 + other_column] = acc[4u + q];
    }
    if (inside && other_row < ROWS4 && own_column < COLUMNS4) {
      y[y1 + own_column] = acc[8u + q];
    }
    if (inside && other_row < ROWS4 && other_column < COLUMNS4) {
      y[y1 + other_column] = acc[12u + q];
    }
  }
}
