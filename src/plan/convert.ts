import convertLayout from "../../shaders/convert_layout.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import type { Layout, Physical } from "../core/layout.ts";
import { ceilDiv } from "../core/shape.ts";
import type { OpSpec } from "../graph/define.ts";

/** Attributes of a conversion; the padding bits are 0 but for tests that fill padding with NaN. */
export interface ConvertAttrs {
  readonly to: Layout;
  readonly paddingBits: number;
}

/** y = x in another layout. The compiler inserts it; no model names it. */
export const CONVERT: OpSpec = {
  name: "convert_layout",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x! }),
  gradient: { none: "layouts are assigned after differentiation" },
  lowerings: [
    {
      name: "convert_layout",
      wgsl: convertLayout,
      layouts: { x: "any" },
      launch: ({ physical, attrs }) => {
        const x = physical.x!;
        const y = physical.y!;
        const { dims, trueDims, strides } = alignedDims(x, y);
        return {
          grid: linearGrid(ceilDiv(y.size, 64)),
          const: {
            COUNT: y.size,
            PADDING: (attrs as ConvertAttrs).paddingBits,
            ...Object.fromEntries([1, 2, 3].map((i) => [`Y_DIM_${i}`, dims[i]!])),
            ...Object.fromEntries([0, 1, 2, 3].map((i) => [`TRUE_DIM_${i}`, trueDims[i]!])),
            ...Object.fromEntries([0, 1, 2, 3].map((i) => [`X_STRIDE_${i}`, strides[i]!])),
          },
        };
      },
    },
  ],
};

/** y's dimensions and x's strides along them, brought to four axes with leading ones. */
function alignedDims(x: Physical, y: Physical) {
  const order = y.layout.order ?? y.shape.map((_, axis) => axis);
  const missing = Math.max(0, 4 - order.length);
  const ones = new Array<number>(missing).fill(1);
  return {
    dims: [...ones, ...y.dims],
    trueDims: [...ones, ...order.map((axis) => y.shape[axis]!)],
    strides: [...ones.map(() => 0), ...order.map((axis) => x.strides[axis]!)],
  };
}
