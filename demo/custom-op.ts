/** Two operators of one's own, with their WGSL and their gradients, by the public interface alone. */
import { defineOp, type Value } from "../src/index.ts";

const snakeOp = defineOp({
  name: "snake",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: {
    wgsl: `
      fn snake(x: Elem, a: f32) -> Elem { return x + sin(a * x) * sin(a * x) / a; }
      fn snake_backward(dy: Elem, x: Elem, a: f32) -> Elem { return dy * (1.0 + sin(2.0 * a * x)); }`,
    fn: "snake",
    backward: "snake_backward",
    params: ({ a }: { a: number }) => [a],
  },
});

/** Snake activation, for periodic signals.   y = x + sin²(a·x)/a */
export const snake = (x: Value, a = 1): Value => snakeOp({ x }, { a }).y;

const cumulativeSumOp = defineOp<"x", "y", { reverse: boolean }>({
  name: "cumulative_sum",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  lowerings: [
    {
      name: "cumulative_sum",
      wgsl: `
const ROWS: u32 = 1u;
const LENGTH: u32 = 1u;
const REVERSE: bool = false;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn cumulative_sum(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= ROWS) { return; }
  var sum = 0.0;
  for (var i = 0u; i < LENGTH; i++) {
    let at = id.x * LENGTH + select(i, LENGTH - 1u - i, REVERSE);
    sum += x[at];
    y[at] = sum;
  }
}`,
      launch: ({ shape: { x }, attrs }) => {
        const rows = x.slice(0, -1).reduce((product, size) => product * size, 1);
        const length = x.at(-1) ?? 1;
        return {
          grid: [Math.ceil(rows / 64)],
          const: { ROWS: rows, LENGTH: length, REVERSE: attrs.reverse },
        };
      },
    },
  ],
  gradient: ({ dy, attrs }) => ({ x: cumulativeSum(dy, !attrs.reverse) }),
});

/** Running sums along the last axis, from its start or its end.   y[…, i] = Σ_{j ≤ i} x[…, j] */
export function cumulativeSum(x: Value, reverse = false): Value {
  return cumulativeSumOp({ x }, { reverse }).y;
}
