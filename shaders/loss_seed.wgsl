// loss_seed — y = scaler[0]·FACTOR: what the backward pass starts from where the loss is scaled; scale = scaler[0], for
// the record. One thread. Bindings: scaler (scale, finite steps since it changed, steps skipped), y, scale.
const FACTOR: f32 = 1.0;

@group(0) @binding(0) var<storage, read> scaler: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;

@compute @workgroup_size(1)
fn loss_seed() {
  y[0] = scaler[0] * FACTOR;
  scale[0] = scaler[0];
}
