// statistics_combine — y = the statistics of all parts together, in the order of the parts.
// Thread 0 combines means and squared deviations pairwise by Chan's rule; every other thread adds up columns of counts.
// The shift is that of every part.
// Bindings: partials [part, word]; y [word], the words being those of a part.
// Source: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance".
const PARTS: u32 = 1u;
const WORDS: u32 = 51u;

@group(0) @binding(0) var<storage, read> partials: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn statistics_combine(@builtin(global_invocation_id) id: vec3u) {
  if (id.x > 0u) {
    for (var word = id.x + 4u; word < WORDS; word += 63u) {
      var total = 0u;
      for (var part = 0u; part < PARTS; part++) {
        total += partials[part * WORDS + word];
      }
      y[word] = select(total, partials[word], word == 10u);
    }
    return;
  }
  var count = 0u;
  var mean = 0.0;
  var deviations = 0.0;
  var least = 0x1.fffffep127;
  var largest = -0x1.fffffep127;
  for (var part = 0u; part < PARTS; part++) {
    let base = part * WORDS;
    let added = partials[base];
    if (added > 0u) {
      let delta = bitcast<f32>(partials[base + 1u]) - mean;
      let share = f32(added) / f32(count + added);
      deviations += bitcast<f32>(partials[base + 2u]) + delta * delta * f32(count) * share;
      mean += delta * share;
      count += added;
      least = min(least, bitcast<f32>(partials[base + 3u]));
      largest = max(largest, bitcast<f32>(partials[base + 4u]));
    }
  }
  y[0] = count;
  y[1] = bitcast<u32>(mean);
  y[2] = bitcast<u32>(deviations);
  y[3] = bitcast<u32>(least);
  y[4] = bitcast<u32>(largest);
}
