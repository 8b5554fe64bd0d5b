// bench_fma — y = the end of a chain of multiply-adds that touches no memory: the arithmetic ceiling of an adapter.
// One thread keeps CHAINS vectors in registers, so that no multiply-add waits for the one before it, and runs LOOPS
// times REPEATS of them; it reads two numbers and stores one.
// Bindings: x, y. Work: 8 · CHAINS · REPEATS · LOOPS FLOP a thread.
const CHAINS: u32 = 2u;
const REPEATS: u32 = 2u;
const LOOPS: u32 = 2u;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn bench_fma(@builtin(global_invocation_id) id: vec3u) {
  let scale = vec4<f32>(x[0]);
  let shift = vec4<f32>(x[1]);
  var sums: array<vec4<f32>, CHAINS>;
  for (var i = 0u; i < CHAINS; i++) { // unroll
    sums[i] = scale * f32(i + 1u) + vec4<f32>(f32(id.x));
  }
  for (var n = 0u; n < LOOPS; n++) {
    for (var j = 0u; j < REPEATS; j++) { // unroll
      for (var i = 0u; i < CHAINS; i++) { // unroll
        sums[i] = fma(sums[i], scale, shift);
      }
    }
  }
  var total = vec4<f32>(0.0);
  for (var i = 0u; i < CHAINS; i++) { // unroll
    total += sums[i];
  }
  y[id.x] = total.x + total.y + total.z + total.w;
}
