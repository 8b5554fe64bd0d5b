enable subgroups;
// winograd_matmul_quads — y[p] = a[p] · b[p] for 36 pairs of matrices, where four lanes form every subgroup.
// The lanes of a quad compute TILE_ROWS rows of four neighbouring vec4s, one vec4 each. A lane loads a quarter of the
// rows of a and takes the others from its neighbours by swaps, which cost next to nothing. So that no value need be
// picked by lane, every lane has its own order of the rows: quarter x of its sums belongs to quarter lane ^ x.
// Bindings: a [36, ROWS, INNER4]; b [36, 4·INNER4, COLUMNS4]; y [36, ROWS, COLUMNS4].
const ROWS: u32 = 1u;
const INNER4: u32 = 1u;
const COLUMNS4: u32 = 1u;
const TILE_ROWS: u32 = 12u; // a multiple of 4
const QUARTER: u32 = TILE_ROWS / 4u;

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(64)
fn winograd_matmul_quads(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  const ROW_TILES = (ROWS + TILE_ROWS - 1u) / TILE_ROWS;
  const COLUMN_TILES = (COLUMNS4 + 3u) / 4u;
  let lane = local & 3u;
  let quad = (group.y * groups.x + group.x) * 16u + local / 4u;
  let pair = quad / (ROW_TILES * COLUMN_TILES);
  let row = quad / COLUMN_TILES % ROW_TILES * TILE_ROWS;
  let column = quad % COLUMN_TILES * 4u + lane;
  // No lane may leave: its neighbours need what it loads. What lies beyond the end is not stored.
  let matrix = min(pair, 35u);
  var a_at: array<u32, QUARTER>;
  for (var t = 0u; t < QUARTER; t++) { // unroll
    a_at[t] = (matrix * ROWS + min(row + lane * QUARTER + t, ROWS - 1u)) * INNER4;
  }
  var b_at = matrix * (INNER4 * 4u * COLUMNS4) + min(column, COLUMNS4 - 1u);
  var acc: array<vec4<f32>, TILE_ROWS>;
  for (var k = 0u; k < INNER4; k++) {
    var rows: array<vec4<f32>, TILE_ROWS>;
    for (var t = 0u; t < QUARTER; t++) { // unroll
      rows[t] = a[a_at[t] + k];
      rows[QUARTER + t] = quadSwapX(rows[t]);
      rows[2u * QUARTER + t] = quadSwapY(rows[t]);
      rows[3u * QUARTER + t] = quadSwapDiagonal(rows[t]);
    }
    for (var q = 0u; q < 4u; q++) { // unroll
      let bq = b[b_at + q * COLUMNS4];
      for (var t = 0u; t < TILE_ROWS; t++) { // unroll
        acc[t] += rows[t][q] * bq;
      }
    }
    b_at += 4u * COLUMNS4;
  }
  for (var x = 0u; x < 4u; x++) { // unroll
    for (var t = 0u; t < QUARTER; t++) { // unroll
      let at = row + (lane ^ x) * QUARTER + t;
      if (pair < 36u && at < ROWS && column < COLUMNS4) {
        y[(matrix * ROWS + at) * COLUMNS4 + column] = acc[x * QUARTER + t];
      }
    }
  }
}
