// add_splits — y[i] = Σ_s x[s, i]: the partial results of a split matrix product, added in the order of the splits.
// One thread per Elem of y. Bindings: x, y.
alias Elem = f32;
const COUNT: u32 = 1u;
const SPLITS: u32 = 1u;
const COLUMNS: u32 = 1u;

@group(0) @binding(0) var<storage, read> x: array<Elem>;
@group(0) @binding(1) var<storage, read_write> y: array<Elem>;

// Fusion hook: v = value about to be stored, i = its index in y, c = its column, both in Elems.
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }

@compute @workgroup_size(64)
fn add_splits(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= COUNT) {
    return;
  }
  var total = Elem(0.0);
  for (var s = 0u; s < SPLITS; s++) {
    total += x[s * COUNT + i];
  }
  y[i] = epilogue(total, i, i % COLUMNS);
}
