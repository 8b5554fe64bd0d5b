// weighted_mean — y = Σ loss / Σ share, and total = Σ share. One thread: the arrays are short.
// Bindings: loss, share, y, total.
const COUNT: u32 = 1u;

@group(0) @binding(0) var<storage, read> loss: array<f32>;
@group(0) @binding(1) var<storage, read> share: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> total: array<f32>;

@compute @workgroup_size(1)
fn weighted_mean() {
  var sums = vec2<f32>(0.0);
  for (var i = 0u; i < COUNT; i++) {
    sums += vec2<f32>(loss[i], share[i]);
  }
  y[0] = sums.x / sums.y;
  total[0] = sums.y;
}
