// paired_sums — part p of two arrays of equal length: loss_part[p] = Σ loss, share_part[p] = Σ share.
// One thread per part of LENGTH elements. Bindings: loss, share, loss_part, share_part.
const COUNT: u32 = 1u;
const LENGTH: u32 = 1u;
const PARTS: u32 = 1u;

@group(0) @binding(0) var<storage, read> loss: array<f32>;
@group(0) @binding(1) var<storage, read> share: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss_part: array<f32>;
@group(0) @binding(3) var<storage, read_write> share_part: array<f32>;

@compute @workgroup_size(64)
fn paired_sums(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let part = id.y * groups.x * 64u + id.x;
  if (part >= PARTS) {
    return;
  }
  var sums = vec2<f32>(0.0);
  for (var i = part * LENGTH; i < min((part + 1u) * LENGTH, COUNT); i++) {
    sums += vec2<f32>(loss[i], share[i]);
  }
  loss_part[part] = sums.x;
  share_part[part] = sums.y;
}
