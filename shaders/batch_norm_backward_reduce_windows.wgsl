// batch_norm_backward_reduce_windows — batch_norm_backward_reduce where dz, the gradient of the normalised values, is
// made here from dy, that of a pooled image: `prologue` gives what was pooled, the window's dy goes to its first
// maximum (MAXIMUM) or in equal parts to all, and `gradient` leads it back to dz. Windows stand apart, in the image.
// One thread per chunk of windows and vec4 of channels.
// Bindings: x [N,H,W,C/4], dy [N,P,Q,C/4], mean, rstd; partials [chunk, (Σ dz, Σ dz·x̂), channel].
// Source: Ioffe & Szegedy 2015 (arXiv:1502.03167) §3.
alias Elem = vec4<f32>;
alias Channel = array<Elem, 1>;
const MAXIMUM: bool = true;
const WINDOWS: u32 = 1u;
const CHUNK: u32 = 1u;
const ROWS: u32 = 1u;
const P: u32 = 1u;
const Q: u32 = 1u;
const H: u32 = 1u;
const W: u32 = 1u;
const R: u32 = 1u;
const S: u32 = 1u;
const C4: u32 = 1u;
const STRIDE_H: u32 = 1u;
const STRIDE_W: u32 = 1u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> rstd: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4<f32>>;

// Hook: what a thread keeps of its channels.
fn channel(c: u32) -> Channel { return Channel(); }
// Fusion hook: what was pooled, from vec4 i of x.
fn prologue(x: Elem, i: u32, k: Channel) -> Elem { return x; }
// Fusion hook: dz from the gradient of z, which the prologue made of x.
fn gradient(dy: Elem, x: Elem, z: Elem, i: u32, k: Channel) -> Elem { return dy; }

// True where a lane is a NaN: a comparison of v with itself may be folded away.
fn is_nan4(v: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

@compute @workgroup_size(64)
fn batch_norm_backward_reduce_windows(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let thread = id.y * groups.x * 64u + id.x;
  if (thread >= ROWS * C4) {
    return;
  }
  let c = thread % C4;
  let part = thread / C4;
  let k = channel(c);
  let centre = mean[c];
  var lowest_bits = 0xff800000u; // −∞
  let lowest = vec4<f32>(bitcast<f32>(lowest_bits));
  var sum = vec4<f32>();
  var products = vec4<f32>();
  for (var window = part * CHUNK; window < min((part + 1u) * CHUNK, WINDOWS); window++) {
    let row = window / Q;
    let n = row / P;
    let corner = (n * H + (row - n * P) * STRIDE_H) * W + (window - row * Q) * STRIDE_W;
    var v: array<vec4<f32>, R * S>;
    var z: array<vec4<f32>, R * S>;
    for (var tap = 0u; tap < R * S; tap++) { // unroll
      let at = (corner + tap / S * W + tap % S) * C4 + c;
      v[tap] = x[at];
      z[tap] = prologue(v[tap], at, k);
    }
    var largest = lowest;
    var place = vec4u();
    if (MAXIMUM) {
      for (var back = 1u; back < R * S + 1u; back++) { // unroll
        let tap = R * S - back;
        let made = z[R * S - back];
        let wins = (made >= largest) | is_nan4(made);
        largest = select(largest, made, wins);
        place = select(place, vec4u(tap), wins);
      }
    }
    let whole = dy[window * C4 + c];
    let share = select(whole / f32(R * S), whole, MAXIMUM);
    for (var tap = 0u; tap < R * S; tap++) { // unroll
      let here = (place == vec4u(tap)) | vec4<bool>(!MAXIMUM);
      let g = select(vec4<f32>(), share, here);
      let d = gradient(g, v[tap], z[tap], (corner + tap / S * W + tap % S) * C4 + c, k);
      sum += d;
      products += d * (v[tap] - centre);
    }
  }
  partials[part * 2u * C4 + c] = sum;
  partials[(part * 2u + 1u) * C4 + c] = products * rstd[c];
}
