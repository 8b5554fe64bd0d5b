// loss_scale_update — decides from the flags whether the step counts, and moves the scale: halved (BACKOFF) after an
// overflow, doubled (GROWTH) after INTERVAL finite steps in a row. One thread.
// Bindings: flags; scaler (scale, finite steps since it changed, steps skipped); multiplier (1 / scale, or −1 for a
// step to be skipped), skipped (steps skipped so far).
// Source: Micikevicius et al. 2018 (arXiv:1710.03740) §3.2; torch.amp.GradScaler.
const PARTS: u32 = 1u;
const GROWTH: f32 = 2.0;
const BACKOFF: f32 = 0.5;
const INTERVAL: f32 = 2000.0;

@group(0) @binding(0) var<storage, read> flags: array<f32>;
@group(0) @binding(1) var<storage, read_write> scaler: array<f32>;
@group(0) @binding(2) var<storage, read_write> multiplier: array<f32>;
@group(0) @binding(3) var<storage, read_write> skipped: array<f32>;

@compute @workgroup_size(1)
fn loss_scale_update() {
  var overflow = 0.0;
  for (var part = 0u; part < PARTS; part++) {
    overflow += flags[part];
  }
  let scale = scaler[0];
  if (overflow > 0.0) {
    multiplier[0] = -1.0;
    skipped[0] = scaler[2] + 1.0;
    scaler[0] = scale * BACKOFF;
    scaler[1] = 0.0;
    scaler[2] = scaler[2] + 1.0;
    return;
  }
  multiplier[0] = 1.0 / scale;
  skipped[0] = scaler[2];
  let finite = scaler[1] + 1.0;
  // Not beyond what f32 holds.
  let grows = finite >= INTERVAL && scale < 1.0e38 / GROWTH;
  scaler[0] = select(scale, scale * GROWTH, grows);
  scaler[1] = select(finite, 0.0, finite >= INTERVAL);
}
