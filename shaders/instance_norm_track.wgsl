// instance_norm_track — running statistics of instance normalisation: they move towards the mean over the batch of each
// channel's means and unbiased variances. One thread per channel; examples and chunks in their order, as offsets from
// the chunks' own shifts. Bindings: partials [chunk, (k, mean, M2), example·CHANNELS + channel], running statistics.
// Source: torch.nn.functional.instance_norm.
const EXAMPLES: u32 = 1u;
const CHANNELS: u32 = 1u;
const POSITIONS: u32 = 1u;
const CHUNK: u32 = 1u;
const ROWS: u32 = 1u;
const MOMENTUM: f32 = 0.1;

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> running_var: array<f32>;

fn chunk_count(row: u32) -> f32 {
  return f32(min(CHUNK, POSITIONS - row * CHUNK));
}

@compute @workgroup_size(64)
fn instance_norm_track(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= CHANNELS) {
    return;
  }
  const STRIDE = EXAMPLES * CHANNELS;
  let shift = partials[c];
  var means = 0.0;
  var variances = 0.0;
  for (var n = 0u; n < EXAMPLES; n++) {
    let at = n * CHANNELS + c;
    let own = partials[at];
    var sum = 0.0;
    for (var row = 0u; row < ROWS; row++) {
      sum += chunk_count(row) * ((partials[row * 3u * STRIDE + at] - own) + partials[(row * 3u + 1u) * STRIDE + at]);
    }
    let centre = sum / f32(POSITIONS);
    var squares = 0.0;
    for (var row = 0u; row < ROWS; row++) {
      let d = (partials[row * 3u * STRIDE + at] - own) + partials[(row * 3u + 1u) * STRIDE + at] - centre;
      squares += partials[(row * 3u + 2u) * STRIDE + at] + chunk_count(row) * d * d;
    }
    means += (own - shift) + centre;
    variances += squares / f32(POSITIONS - 1u);
  }
  let batch_mean = shift + means / f32(EXAMPLES);
  running_mean[c] = (1.0 - MOMENTUM) * running_mean[c] + MOMENTUM * batch_mean;
  running_var[c] = (1.0 - MOMENTUM) * running_var[c] + MOMENTUM * (variances / f32(EXAMPLES));
}
