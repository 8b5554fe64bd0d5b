// batch_norm_count — counts a training batch and gives its weight in a cumulative average, 1 / count. One thread.
@group(0) @binding(0) var<storage, read_write> num_batches_tracked: array<i32>;
@group(0) @binding(1) var<storage, read_write> factor: array<f32>;

@compute @workgroup_size(1)
fn batch_norm_count() {
  let count = num_batches_tracked[0] + 1;
  num_batches_tracked[0] = count;
  factor[0] = 1.0 / f32(count);
}
