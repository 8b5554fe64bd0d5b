// cross_entropy_backward_quads — dx_c = d·(e^(x_c − m)/s·Σ q − q_c), d = dy / total; m, s, Σ q as saved forward.
// q_c = (1 − SMOOTHING)·[c is the label] + SMOOTHING / classes. A thread takes ITEMS Elems of a row, THREADS apart, so
// that neighbours read neighbours. DY_STEP is 0 where the loss is one number, whose mean divided by `total`.
// Bindings: logits, labels, stats, dy, total, dx.
alias Elem = vec4<f32>;
alias Word = vec4<u32>;
const COUNT: u32 = 1u;
// Elems of a row.
const QUADS: u32 = 1u;
const THREADS: u32 = 1u;
const ITEMS: u32 = 1u;
const DY_STEP: u32 = 1u;
const SMOOTHING: f32 = 0.0;
const IGNORED: i32 = -100;

@group(0) @binding(0) var<storage, read> logits: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read> total: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4<f32>>;

// e^r − 1 for |r| <= log(2)/2, within 4e-9: r + r²·q(r), q of least largest error.
fn exp_tail(r: Elem) -> Elem {
  let q = (((0.001395081 * r + 0.0083690733) * r + 0.0416662022) * r + 0.16666517) * r + 0.5;
  return r + r * r * q;
}

// 2^n for integers n from −252 to 254, times v, in two steps: the power alone may be no normal number.
fn scale_by_power(v: Elem, n: Elem) -> Elem {
  let half = floor(n * 0.5);
  let first = bitcast<Elem>(Word(half + 127.0) << Word(23u));
  let second = bitcast<Elem>(Word(n - half + 127.0) << Word(23u));
  return v * first * second;
}

// e^x within two units of the last place; the built-in function loses a digit far from 0.
fn exponential(x: Elem) -> Elem {
  let low = select(x, Elem(-104.0), x < Elem(-104.0));
  let bounded = select(low, Elem(89.0), x > Elem(89.0));
  let n = round(bounded * 1.44269504);
  let r = (bounded - n * 0.693359375) + n * 0.00021219444;
  return scale_by_power(1.0 + exp_tail(r), n);
}

@compute @workgroup_size(64)
fn cross_entropy_backward_quads(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let thread = id.y * groups.x * 64u + id.x;
  let i = thread / THREADS;
  if (i >= COUNT) {
    return;
  }
  let label = labels[i];
  let counts = label != IGNORED;
  let slope = dy[i * DY_STEP] / total[0];
  let largest = Elem(stats[i]);
  let spread = stats[2u * COUNT + i] / stats[COUNT + i];
  for (var k = 0u; k < ITEMS; k++) {
    let quad = thread % THREADS + k * THREADS;
    if (quad >= QUADS) {
      break;
    }
    let at = i * QUADS + quad;
    let c = vec4<i32>(i32(4u * quad)) + vec4<i32>(0i, 1i, 2i, 3i);
    let q = select(Elem(0.0), Elem(1.0 - SMOOTHING), c == vec4<i32>(label)) + SMOOTHING / f32(4u * QUADS);
    let d = slope * (exponential(logits[at] - largest) * spread - q);
    // Nothing flows to an ignored position, not even a NaN of its logits.
    dx[at] = select(Elem(0.0), d, counts);
  }
}
