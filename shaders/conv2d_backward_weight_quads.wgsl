enable subgroups;
// conv2d_backward_weight_quads — conv2d_backward_weight for adapters whose subgroups are four lanes:
// dweight[r,s,c,k] = Σ_n,p,q x[n, p·stride + r·dilation − pad, …, c] · dy[n,p,q,k], a GEMM whose sum runs over pixels.
// One lane computes one tap × TILE_C vec4s of input channels × TILE_K vec4s of output channels over ROWS rows of output
// pixels (a row: one n and p), four pixels at a time whatever rows they lie in. Each lane of a quad finds the address
// of one of the four and hands it to the others. Horizontal neighbours take the same input channels, vertical
// neighbours the same output channels: where SHARE_C and SHARE_K are 2, each reads half of what it shares and swaps for
// the other half, and its tile begins with the half that it reads itself. A workgroup is QUADS such tiles of one tap
// and one range, so that its loops are uniform. Where there are several ranges, each stores its own copy of the weight,
// and add_splits adds the copies. Padding of the weight is stored as 0.
// Bindings: x [N,H,W,C/4], dy [N,P,Q,K/4], dweight [ranges][R,S,C/groups,K/4].
// Source: Chetlur et al. 2014 (arXiv:1410.0759) §3.
const QUADS: u32 = 1u; // subgroups of a workgroup
const THREADS: u32 = 4u * QUADS;
const TILE_C: u32 = 2u;
const TILE_K: u32 = 2u;
const SHARE_C: u32 = 2u; // 1 or 2, 1 where TILE_C is 1
const SHARE_K: u32 = 2u; // 1 or 2, 1 where TILE_K is 1
const OWN_C: u32 = TILE_C / SHARE_C;
const OWN_K: u32 = TILE_K / SHARE_K;
const ROWS: u32 = 1u; // rows of output pixels per range
const SUM_ROWS: u32 = 1u; // rows summed apart before they join the total, which keeps chains of additions short
const ALL_ROWS: u32 = 1u; // N·P
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
const C: u32 = 1u; // input channels of a group, without padding
const K: u32 = 1u; // output channels, without padding
const C4: u32 = 1u; // vec4s of all input channels
const K4: u32 = 1u; // vec4s of all output channels
const GROUP_C4: u32 = 1u;
const GROUP_K4: u32 = 1u;
const STRIDE_H: u32 = 1u;
const STRIDE_W: u32 = 1u;
const DILATION_H: u32 = 1u;
const DILATION_W: u32 = 1u;
const PAD_TOP: i32 = 0i;
const PAD_LEFT: i32 = 0i;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dweight: array<vec4<f32>>;

// Hook: vec4 i of x, of channels 4c to 4c+3.
fn a_load(i: u32, c: u32) -> vec4<f32> { return x[i]; }

// Hook: vec4 i of dy, of channels 4c to 4c+3.
fn b_load(i: u32, c: u32) -> vec4<f32> { return dy[i]; }

@compute @workgroup_size(THREADS)
fn conv2d_backward_weight_quads(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  const C_TILES = (GROUP_C4 + TILE_C * 2u - 1u) / (TILE_C * 2u);
  const K_TILES = (K4 + TILE_K * 2u - 1u) / (TILE_K * 2u);
  const BLOCKS = (C_TILES * K_TILES + QUADS - 1u) / QUADS;
  let at = id.y * groups.x + id.x;
  let tile = at % BLOCKS * QUADS + index / 4u;
  let tap = at / BLOCKS % (R * S);
  let range = at / (BLOCKS * R * S);
  let first = range * ROWS;
  if (first >= ALL_ROWS) {
    return;
  }
  let across = index % 2u;
  let down = index / 2u % 2u;
  let tile_k0 = tile % K_TILES * (2u * TILE_K);
  let k0 = tile_k0 + across * TILE_K;
  let c0 = (tile / K_TILES * 2u + down) * TILE_C;
  let group_c0 = tile_k0 / GROUP_K4 * GROUP_C4;
  // The half of the tile that this lane reads, and the half that its neighbour reads.
  let own_c = c0 + across % SHARE_C * OWN_C;
  let other_c = c0 + (1u - across) * OWN_C;
  let own_k = k0 + down % SHARE_K * OWN_K;
  let other_k = k0 + (1u - down) * OWN_K;
  let shift = i32(tap % S * DILATION_W) - PAD_LEFT;
  let below = i32(tap / S * DILATION_H) - PAD_TOP;
  let last = min(first + ROWS, ALL_ROWS) * Q;
  var total: array<vec4<f32>, 4u * TILE_C * TILE_K>;
  for (var chunk = first * Q; chunk < last; chunk += SUM_ROWS * Q) {
    var acc = array<vec4<f32>, 4u * TILE_C * TILE_K>();
    let end = min(chunk + SUM_ROWS * Q, last);
    for (var first_pixel = chunk; first_pixel < end; first_pixel += 4u) {
      // This lane's pixel and where x lies under it; a negative coordinate becomes a huge unsigned one.
      let own = min(first_pixel + index % 4u, end - 1u);
      let h = u32(i32(own / Q % P * STRIDE_H) + below);
      let w = u32(i32(own % Q * STRIDE_W) + shift);
      let valid = (first_pixel + index % 4u < end) & (h < H) & (w < W);
      let base = select(0xffffffffu, (own / (P * Q) * (H * W) + h * W + w) * C4, valid);
      let bases = vec4u(
        subgroupBroadcast(base, 0u),
        subgroupBroadcast(base, 1u),
        subgroupBroadcast(base, 2u),
        subgroupBroadcast(base, 3u),
      );
      let inside = bases != vec4u(0xffffffffu);
      // Vec4s of four channels of a pixel, four pixels, turned to vec4s of four pixels of a channel: a result is then a
      // dot product, which needs fewer registers at once.
      var a: array<vec4<f32>, 4u * TILE_C>;
      var b: array<vec4<f32>, 4u * TILE_K>;
      let x_at = select(vec4u(0u), bases, inside) + group_c0 + own_c;
      let dy_at = min(vec4u(first_pixel) + vec4u(0u, 1u, 2u, 3u), vec4u(end - 1u)) * K4 + own_k;
      for (var i = 0u; i < OWN_C; i++) { // unroll
        let a0 = select(vec4<f32>(), a_load(x_at.x + i, group_c0 + own_c + i), inside.x);
        let a1 = select(vec4<f32>(), a_load(x_at.y + i, group_c0 + own_c + i), inside.y);
        let a2 = select(vec4<f32>(), a_load(x_at.z + i, group_c0 + own_c + i), inside.z);
        let a3 = select(vec4<f32>(), a_load(x_at.w + i, group_c0 + own_c + i), inside.w);
        for (var e = 0u; e < 4u; e++) { // unroll
          a[i * 4u + e] = vec4<f32>(a0[e], a1[e], a2[e], a3[e]);
        }
      }
      for (var e = 4u * OWN_C; e < 4u * TILE_C; e++) { // unroll
        a[e] = quadSwapX(a[e - 4u * OWN_C]);
      }
      for (var j = 0u; j < OWN_K; j++) { // unroll
        let b0 = select(vec4<f32>(), b_load(dy_at.x + j, own_k + j), inside.x);
        let b1 = select(vec4<f32>(), b_load(dy_at.y + j, own_k + j), inside.y);
        let b2 = select(vec4<f32>(), b_load(dy_at.z + j, own_k + j), inside.z);
        let b3 = select(vec4<f32>(), b_load(dy_at.w + j, own_k + j), inside.w);
        for (var e = 0u; e < 4u; e++) { // unroll
          b[j * 4u + e] = vec4<f32>(b0[e], b1[e], b2[e], b3[e]);
        }
      }
      for (var e = 4u * OWN_K; e < 4u * TILE_K; e++) { // unroll
        b[e] = quadSwapY(b[e - 4u * OWN_K]);
      }
      for (var i = 0u; i < 4u * TILE_C; i++) { // unroll
        for (var j = 0u; j < TILE_K; j++) { // unroll
          acc[i * TILE_K + j] += vec4<f32>(
            dot(a[i], b[4u * j]),
            dot(a[i], b[4u * j + 1u]),
            dot(a[i], b[4u * j + 2u]),
            dot(a[i], b[4u * j + 3u]),
          );
        }
      }
    }
    for (var t = 0u; t < 4u * TILE_C * TILE_K; t++) { // unroll
      total[t] += acc[t];
    }
  }
  let out = (range * (R * S) + tap) * (GROUP_C4 * 4u * K4);
  for (var j = 0u; j < TILE_K; j++) { // unroll
    let k = select(other_k + j - OWN_K, own_k + j, j < OWN_K);
    let lanes = (vec4u(0u, 1u, 2u, 3u) + k * 4u) < vec4u(K);
    for (var i = 0u; i < TILE_C; i++) { // unroll
      let c4 = select(other_c + i - OWN_C, own_c + i, i < OWN_C);
      if (c4 < GROUP_C4 && k < K4) {
        for (var e = 0u; e < 4u; e++) { // unroll
          let c = c4 * 4u + e;
          let kept = select(vec4<bool>(), lanes, c < C);
          dweight[out + c * K4 + k] = select(vec4<f32>(), total[(i * 4u + e) * TILE_K + j], kept);
        }
      }
    }
  }
}
