// batch_norm_moments — per channel and chunk of positions: a shift k, the mean of x − k, and Σ (x − k − that mean)².
// One thread per chunk and channel (or four channels, where x lies channels last). The shift is the chunk's first
// value, so that a large mean cancels before anything is squared. Bindings: x; partials [chunk, (k, mean, M2),
// channel]. Source: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance".
alias Elem = f32;
const POSITIONS: u32 = 1u; // values of one channel
const CHUNK: u32 = 1u;
const ROWS: u32 = 1u; // chunks
const CHANNELS: u32 = 1u; // in Elems, padding included
const INNER: u32 = 1u; // positions that lie INNER_STRIDE apart; runs of them lie OUTER_STRIDE apart
const INNER_STRIDE: u32 = 1u;
const OUTER_STRIDE: u32 = 0u;
const CHANNEL_STRIDE: u32 = 1u;

@group(0) @binding(0) var<storage, read> x: array<Elem>;
@group(0) @binding(1) var<storage, read_write> partials: array<Elem>;

// Address of a position in a channel.
fn address(position: u32, c: u32) -> u32 {
  return (position / INNER) * OUTER_STRIDE + (position % INNER) * INNER_STRIDE + c * CHANNEL_STRIDE;
}

@compute @workgroup_size(64)
fn batch_norm_moments(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= ROWS * CHANNELS) {
    return;
  }
  let c = i % CHANNELS;
  let row = i / CHANNELS;
  let first = row * CHUNK;
  let last = min(first + CHUNK, POSITIONS);
  let count = f32(last - first);
  let shift = x[address(first, c)];
  var sum = Elem();
  var squares = Elem();
  for (var position = first; position < last; position++) {
    let d = x[address(position, c)] - shift;
    sum += d;
    squares += d * d;
  }
  let mean = sum / count;
  partials[(row * 3u) * CHANNELS + c] = shift;
  partials[(row * 3u + 1u) * CHANNELS + c] = mean;
  partials[(row * 3u + 2u) * CHANNELS + c] = max(squares - sum * mean, Elem());
}
