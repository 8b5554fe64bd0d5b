// bench_copy — y = x in vectors of four: the ceiling of memory traffic of an adapter.
// One thread copies ITEMS vectors that lie a whole grid apart, so that neighbours touch neighbouring memory.
// Bindings: x, y.
const ITEMS: u32 = 1u;
const THREADS: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(64)
fn bench_copy(@builtin(global_invocation_id) id: vec3u) {
  for (var i = 0u; i < ITEMS; i++) { // unroll
    y[i * THREADS + id.x] = x[i * THREADS + id.x];
  }
}
