// batch_norm_finalise — per channel: mean and rstd = 1/√(variance + ε) of the batch from the chunks' moments, and the
// running statistics where they are kept. One thread per channel; chunks are combined in their order, as offsets from
// the first chunk's shift, so that nothing of the mean's size is ever squared.
// Bindings: partials [chunk, (k, mean, M2), channel], mean, rstd; running statistics are appended.
// Source: Ioffe & Szegedy 2015 (arXiv:1502.03167); running variance unbiased as in PyTorch.
const POSITIONS: u32 = 1u;
const CHUNK: u32 = 1u;
const ROWS: u32 = 1u;
const CHANNELS: u32 = 1u; // true channels
const STRIDE: u32 = 1u; // channels with padding
const EPSILON: f32 = 0.00001;

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> rstd: array<f32>;

// Hook: moves the running statistics of channel c towards the batch's mean and unbiased variance.
fn track(c: u32, batch_mean: f32, unbiased: f32) { }

fn chunk_count(row: u32) -> f32 {
  return f32(min(CHUNK, POSITIONS - row * CHUNK));
}

// Mean of a chunk as an offset from the first chunk's shift; shifts are exact values of x.
fn offset(row: u32, c: u32) -> f32 {
  let base = row * 3u * STRIDE + c;
  return (partials[base] - partials[c]) + partials[base + STRIDE];
}

@compute @workgroup_size(64)
fn batch_norm_finalise(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= CHANNELS) {
    return;
  }
  var sum = 0.0;
  for (var row = 0u; row < ROWS; row++) {
    sum += chunk_count(row) * offset(row, c);
  }
  let centre = sum / f32(POSITIONS);
  var squares = 0.0;
  for (var row = 0u; row < ROWS; row++) {
    let d = offset(row, c) - centre;
    squares += partials[(row * 3u + 2u) * STRIDE + c] + chunk_count(row) * d * d;
  }
  let batch_mean = partials[c] + centre;
  mean[c] = batch_mean;
  rstd[c] = 1.0 / sqrt(squares / f32(POSITIONS) + EPSILON);
  track(c, batch_mean, squares / f32(max(POSITIONS, 2u) - 1u));
}
