import addSplitsWgsl from "../../shaders/add_splits.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { type Layout, PLAIN } from "../core/layout.ts";
import { ceilDiv, type Shape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";

/** Attributes: the shape of the sum, whose elements the partial results hold in the sum's own memory order. */
interface AddSplitsAttrs {
  readonly shape: Shape;
}

/** The op that adds partial results [splits, elements of y in memory] into y of some layout. */
function defineAddSplits(layout: Layout) {
  return defineOp<"x", "y", AddSplitsAttrs>({
    name: "add_splits",
    inputs: ["x"],
    outputs: ["y"],
    shape: (_, { shape }) => ({ y: shape }),
    lowerings: [
      {
        name: "add_splits",
        wgsl: addSplitsWgsl,
        hooks: ["epilogue"],
        layouts: { y: layout },
        padZero: ["y"],
        launch: ({ physical: { x, y } }) => {
          const columns = y.dims.at(-1) ?? 1;
          const width = columns % 4 === 0 ? 4 : 1;
          const count = y.size / width;
          return {
            grid: linearGrid(ceilDiv(count, 64)),
            const: { COUNT: count, SPLITS: x.shape[0]!, COLUMNS: columns / width },
            alias: { Elem: width === 4 ? "vec4<f32>" : "f32" },
          };
        },
      },
    ],
    gradient: { none: "it appears after differentiation" },
    cost: ({ shape }) => ({ flops: shape.x.reduce((a, b) => a * b, 1) }),
  });
}

const ops = new Map<string, ReturnType<typeof defineAddSplits>>();

/**
 * Adds partial sums in their order, so that results are the same in every run.   y = Σ_s x[s]
 * Shapes  x [splits, ...], one split holding y as it lies in memory (padding included, as zeros); y `shape`
 */
export function addSplits(x: Value, shape: Shape, layout: Layout = PLAIN): Value {
  let op = ops.get(layout.name);
  if (!op) {
    op = defineAddSplits(layout);
    ops.set(layout.name, op);
  }
  return op({ x }, { shape }).y;
}
