// count_labels — total = the number of labels that are not IGNORED. One workgroup; a thread takes every 64th label.
// Bindings: labels, total.
const COUNT: u32 = 1u;
const IGNORED: i32 = -100;

@group(0) @binding(0) var<storage, read> labels: array<i32>;
@group(0) @binding(1) var<storage, read_write> total: array<f32>;

var<workgroup> counted: atomic<u32>;

@compute @workgroup_size(64)
fn count_labels(@builtin(local_invocation_index) thread: u32) {
  var counts = 0u;
  for (var i = thread; i < COUNT; i += 64u) {
    counts += select(1u, 0u, labels[i] == IGNORED);
  }
  // Integers: the order of the additions does not matter.
  atomicAdd(&counted, counts);
  workgroupBarrier();
  if (thread == 0u) {
    total[0] = f32(atomicLoad(&counted));
  }
}
