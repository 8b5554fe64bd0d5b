import { layerNorm } from "../../src/ops/index.ts";
import { layerNormReference } from "../reference/norm.ts";
import { need } from "../reference/tensor.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";

interface Options {
  readonly x?: Omit<InputSpec, "shape">;
  readonly weight?: boolean;
  readonly bias?: boolean;
  readonly eps?: number;
}

/** The last `axes` axes of `shape` are normalised. */
function layerNormCase(name: string, shape: readonly number[], axes: number, options: Options = {}): OpCase {
  const { weight = true, bias = true, eps } = options;
  const normalizedShape = shape.slice(shape.length - axes);
  return {
    op: "layerNorm",
    name: `${name}: ${shape.join("x")} over ${normalizedShape.join("x")}`,
    inputs: {
      x: { shape, ...options.x },
      ...(weight && { weight: { shape: normalizedShape, shift: 1, scale: 0.5 } }),
      ...(bias && { bias: { shape: normalizedShape } }),
    },
    attrs: { normalizedShape, ...(eps !== undefined && { eps }) },
    run: (values, attrs) => ({
      y: layerNorm(need(values, "x"), values.weight ?? null, values.bias ?? null, attrs),
    }),
    reference: layerNormReference,
  };
}

const constantRow = [0.7, 0.7, 0.7, 0.7, 0.7, 1, 2, -3, 4, 0.5, -1, 0.25, 3, 2, 1];

export const cases: OpCase[] = [
  layerNormCase("rank 2", [5, 7], 1),
  layerNormCase("no affine", [5, 7], 1, { weight: false, bias: false }),
  layerNormCase("weight only", [5, 7], 1, { bias: false }),
  layerNormCase("bias only", [5, 7], 1, { weight: false }),
  layerNormCase("eps 1e-3", [5, 7], 1, { eps: 1e-3 }),
  layerNormCase("deviation 1e-3, where eps counts", [5, 7], 1, { x: { scale: 1e-3 } }),
  layerNormCase("mean 1e4", [5, 7], 1, { x: { shift: 1e4 } }),
  layerNormCase("deviation 1e3", [5, 7], 1, { x: { scale: 1e3 } }),
  layerNormCase("constant row", [3, 5], 1, { x: { fill: "values", values: constantRow } }),
  layerNormCase("two values", [11, 2], 1),
  layerNormCase("one value", [3, 1], 1),
  layerNormCase("one row", [1, 17], 1),
  layerNormCase("long row", [3, 257], 1),
  layerNormCase("many rows", [65, 4], 1),
  layerNormCase("rank 1", [13], 1),
  layerNormCase("tokens", [2, 5, 12], 1),
  layerNormCase("two axes", [3, 5, 7], 2),
  layerNormCase("all axes", [3, 4, 5], 3, { weight: false }),
  layerNormCase("rows of an image", [2, 3, 5, 7], 1),
  layerNormCase("planes of an image", [2, 3, 5, 7], 2),
  layerNormCase("whole image", [2, 3, 5, 7], 3),
  layerNormCase("whole image, four channels", [3, 4, 5, 5], 3),
  layerNormCase("whole image, mean 1e4", [2, 3, 5, 7], 3, { x: { shift: 1e4 } }),
  layerNormCase("whole image, no affine", [2, 3, 5, 7], 3, { weight: false, bias: false }),
];
