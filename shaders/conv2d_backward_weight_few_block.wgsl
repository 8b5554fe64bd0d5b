// conv2d_backward_weight_few_block — conv2d_backward_weight for images of one to three channels, read where they lie as
// N,C,H,W. dweight[r,s,c,k] = Σ_n,p,q x[n,c, p·stride + r·dilation − pad, …] · dy[n,p,q,k].
// One thread computes TILE_R × TILE_S taps × one input channel × TILE_K vec4s of output channels over ROWS rows of
// output pixels, four pixels of a row at a time: the COLUMNS input columns under them are read once for each kernel
// row; which column a pixel and a tap meet in is known when the loops are unrolled. Where there are several ranges of
// rows, each stores its own copy of the weight. Padding of the weight is stored as 0.
// Bindings: x [N,C,H,W], dy [N,P,Q,K/4], dweight [ranges][R,S,4,K/4].
const TILE_R: u32 = 1u; // divides R
const TILE_S: u32 = 1u;
const TILE_K: u32 = 1u;
const COLUMNS: u32 = 4u; // 3·stride + (TILE_S − 1)·dilation + 1
const USED_W: u32 = 1u; // input columns that some window reaches: the others are not even read
const ROWS: u32 = 1u; // rows of output pixels per range
const SUM_ROWS: u32 = 1u; // rows summed apart before they join the total, which keeps chains of additions short
const ALL_ROWS: u32 = 1u; // N·P
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
const C: u32 = 1u;
const K: u32 = 1u; // output channels, without padding
const K4: u32 = 1u; // vec4s of output channels
const STRIDE_H: u32 = 1u;
const STRIDE_W: u32 = 1u;
const DILATION_H: u32 = 1u;
const DILATION_W: u32 = 1u;
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dweight: array<vec4<f32>>;

// Hook: element i of x, of channel c.
fn a_load(i: u32, c: u32) -> f32 { return x[i]; }

// Hook: vec4 i of dy, of channels 4c to 4c+3.
fn b_load(i: u32, c: u32) -> vec4<f32> { return dy[i]; }

@compute @workgroup_size(64)
fn conv2d_backward_weight_few_block(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  const K_TILES = (K4 + TILE_K - 1u) / TILE_K;
  const S_TILES = (S + TILE_S - 1u) / TILE_S;
  const R_TILES = R / TILE_R;
  let thread = id.y * groups.x * 64u + id.x;
  let k0 = thread % K_TILES * TILE_K;
  let c = thread / K_TILES % C;
  let s0 = thread / (K_TILES * C) % S_TILES * TILE_S;
  let r0 = thread / (K_TILES * C * S_TILES) % R_TILES * TILE_R;
  let range = thread / (K_TILES * C * S_TILES * R_TILES);
  let first = range * ROWS;
  if (first >= ALL_ROWS) {
    return;
  }
  let last = min(first + ROWS, ALL_ROWS);
  var total: array<vec4<f32>, TILE_R * TILE_S * TILE_K>;
  for (var chunk = first; chunk < last; chunk += SUM_ROWS) {
    var acc = array<vec4<f32>, TILE_R * TILE_S * TILE_K>();
    for (var row = chunk; row < min(chunk + SUM_ROWS, last); row++) {
      let top = i32(row % P * STRIDE_H + r0 * DILATION_H) - PAD_TOP;
      let channel = (row / P * C + c) * H;
      for (var q = 0u; q < Q; q += 4u) {
        // Vec4s of four channels of a pixel, four pixels, turned to vec4s of four pixels of a channel: a result is then
        // a dot product. Beyond the row's end its last pixel is read again, and multiplied by 0.
        var b: array<vec4<f32>, 4u * TILE_K>;
        let ends = (min(vec4u(q) + vec4u(0u, 1u, 2u, 3u), vec4u(Q - 1u)) + row * Q) * K4 + k0;
        for (var j = 0u; j < TILE_K; j++) { // unroll
          let b0 = b_load(ends.x + j, k0 + j);
          let b1 = select(vec4<f32>(), b_load(ends.y + j, k0 + j), q + 1u < Q);
          let b2 = select(vec4<f32>(), b_load(ends.z + j, k0 + j), q + 2u < Q);
          let b3 = select(vec4<f32>(), b_load(ends.w + j, k0 + j), q + 3u < Q);
          for (var e = 0u; e < 4u; e++) { // unroll
            b[j * 4u + e] = vec4<f32>(b0[e], b1[e], b2[e], b3[e]);
          }
        }
        var at: array<u32, COLUMNS>;
        var inside: array<bool, COLUMNS>;
        let left = i32(q * STRIDE_W + s0 * DILATION_W) - PAD_LEFT;
        for (var column = 0u; column < COLUMNS; column++) { // unroll
          // A negative coordinate becomes a huge unsigned one: one comparison covers both ends.
          let w = u32(left + i32(column));
          inside[column] = w < USED_W;
          at[column] = min(w, USED_W - 1u);
        }
        // `&` and not `&&`, which would be a branch for every column and take minutes to compile on SwiftShader.
        for (var r = 0u; r < TILE_R; r++) { // unroll
          let h = u32(top + i32(r * DILATION_H));
          let base = (channel + min(h, H - 1u)) * W;
          var a: array<f32, COLUMNS>;
          for (var column = 0u; column < COLUMNS; column++) { // unroll
            a[column] = select(0.0, a_load(base + at[column], c), inside[column] & (h < H));
          }
          for (var s = 0u; s < TILE_S; s++) { // unroll
            let pixels = vec4<f32>(
              a[s * DILATION_W],
              a[s * DILATION_W + STRIDE_W],
              a[s * DILATION_W + 2u * STRIDE_W],
              a[s * DILATION_W + 3u * STRIDE_W],
            );
            for (var j = 0u; j < TILE_K; j++) { // unroll
              acc[(r * TILE_S + s) * TILE_K + j] += vec4<f32>(
                dot(pixels, b[4u * j]),
                dot(pixels, b[4u * j + 1u]),
                dot(pixels, b[4u * j + 2u]),
                dot(pixels, b[4u * j + 3u]),
              );
            }
          }
        }
      }
    }
    for (var t = 0u; t < TILE_R * TILE_S * TILE_K; t++) { // unroll
      total[t] += acc[t];
    }
  }
  for (var i = 0u; i < TILE_R * TILE_S; i++) { // unroll
    let s = s0 + i % TILE_S;
    let out = (range * (R * S) + (r0 + i / TILE_S) * S + s) * (4u * K4) + k0;
    for (var j = 0u; j < TILE_K; j++) { // unroll
      if (s < S && k0 + j < K4) {
        let lanes = (vec4u(0u, 1u, 2u, 3u) + (k0 + j) * 4u) < vec4u(K);
        dweight[out + c * K4 + j] = select(vec4<f32>(), total[i * TILE_K + j], lanes);
        // The thread of the last channel also fills the rows that pad the channels to four.
        if (c == C - 1u) {
          for (var pad = C; pad < 4u; pad++) {
            dweight[out + pad * K4 + j] = vec4<f32>();
          }
        }
      }
    }
  }
}
