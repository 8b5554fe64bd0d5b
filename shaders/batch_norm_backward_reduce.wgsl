// batch_norm_backward_reduce — per channel and chunk of positions: Σ dy and Σ dy·(x − mean)·rstd.
// One thread per chunk and channel (or four channels, where x lies channels last).
// Bindings: x, dy, mean, rstd; partials [chunk, (Σ dy, Σ dy·x̂), channel].
// Source: Ioffe & Szegedy 2015 (arXiv:1502.03167) §3, the gradients of γ and β.
alias Elem = f32;
alias Channel = array<Elem, 1>;
const POSITIONS: u32 = 1u;
const CHUNK: u32 = 1u;
const ROWS: u32 = 1u;
const CHANNELS: u32 = 1u;
const INNER: u32 = 1u;
const INNER_STRIDE: u32 = 1u;
const OUTER_STRIDE: u32 = 0u;
const CHANNEL_STRIDE: u32 = 1u;

@group(0) @binding(0) var<storage, read> x: array<Elem>;
@group(0) @binding(1) var<storage, read> dy: array<Elem>;
@group(0) @binding(2) var<storage, read> mean: array<Elem>;
@group(0) @binding(3) var<storage, read> rstd: array<Elem>;
@group(0) @binding(4) var<storage, read_write> partials: array<Elem>;

// Hook: what a thread keeps of its channel.
fn channel(c: u32) -> Channel { return Channel(); }
// Fusion hook: dy from what was read as dy and x at element i.
fn prologue(dy: Elem, x: Elem, i: u32, k: Channel) -> Elem { return dy; }

// Address of a position in a channel.
fn address(position: u32, c: u32) -> u32 {
  return (position / INNER) * OUTER_STRIDE + (position % INNER) * INNER_STRIDE + c * CHANNEL_STRIDE;
}

@compute @workgroup_size(64)
fn batch_norm_backward_reduce(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= ROWS * CHANNELS) {
    return;
  }
  let c = i % CHANNELS;
  let row = i / CHANNELS;
  let last = min((row + 1u) * CHUNK, POSITIONS);
  let k = channel(c);
  let centre = mean[c];
  var sum = Elem();
  var products = Elem();
  for (var position = row * CHUNK; position < last; position++) {
    let at = address(position, c);
    let v = x[at];
    let d = prologue(dy[at], v, at, k);
    sum += d;
    products += d * (v - centre);
  }
  partials[row * 2u * CHANNELS + c] = sum;
  partials[(row * 2u + 1u) * CHANNELS + c] = products * rstd[c];
}
