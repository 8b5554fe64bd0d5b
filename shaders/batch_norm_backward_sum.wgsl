// batch_norm_backward_sum — per channel: dweight = Σ dy·x̂ and dbias = Σ dy from the chunks' sums, in their order.
// One thread per channel. Bindings: partials [chunk, (Σ dy, Σ dy·x̂), channel], dweight, dbias.
const ROWS: u32 = 1u;
const CHANNELS: u32 = 1u; // true channels
const STRIDE: u32 = 1u; // channels with padding

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(2) var<storage, read_write> dbias: array<f32>;

@compute @workgroup_size(64)
fn batch_norm_backward_sum(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= CHANNELS) {
    return;
  }
  var sum = 0.0;
  var products = 0.0;
  for (var row = 0u; row < ROWS; row++) {
    sum += partials[row * 2u * STRIDE + c];
    products += partials[(row * 2u + 1u) * STRIDE + c];
  }
  dweight[c] = products;
  dbias[c] = sum;
}
