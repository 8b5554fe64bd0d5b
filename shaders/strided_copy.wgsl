// strided_copy — y[i] = x[source(i)], or FILL where there is no source: permute, slice, pad and gradients of these.
// One thread per element of y, or per four where neighbours in y are neighbours in x. Any layout of x and y.
// Bits are moved, not numbers: NaN payloads and integers pass unchanged.
alias Elem = u32;
const COUNT: u32 = 1u;
const FILL: u32 = 0u;
const ABSENT: u32 = 0xffffffffu;

@group(0) @binding(0) var<storage, read> x: array<Elem>;
@group(0) @binding(1) var<storage, read_write> y: array<Elem>;

// Hook: place in x of what element i of y is, or ABSENT.
fn source(i: u32) -> u32 { return i; }

@compute @workgroup_size(64)
fn strided_copy(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  let place = source(i);
  var moved = Elem(FILL);
  if (place != ABSENT) {
    moved = x[place];
  }
  y[i] = moved;
}
