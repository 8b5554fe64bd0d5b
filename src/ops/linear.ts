import { ShapeError } from "../core/errors.ts";
import { WEIGHT_IO } from "../core/layout.ts";
import { formatShape, roundUp, type Shape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { add } from "./add.ts";
import { addSplits } from "./add-splits.ts";
import { type GemmOp, type GemmOperand, gemmKernels, splitsOf } from "./gemm.ts";
import { reshape } from "./reshape.ts";

/** Rows of a plain matrix [rows, columns]. */
function rows([, columns = 1]: Shape, transposed = false): GemmOperand {
  return { transposed, stride: columns, aligned: columns % 4 === 0 };
}

/** A weight [out, in], which lies as [in, out] with both padded to multiples of four by zeros. */
function weightRows([out = 1]: Shape, transposed = false): GemmOperand {
  return { transposed, stride: roundUp(out, 4), aligned: true };
}

/** Attributes of a product whose sum may be split. */
interface Splits {
  readonly splits?: number;
}

/** Product of x [rows, in] with the weight; a = x, b = weight. */
const forward: GemmOp<Splits> = {
  layouts: { b: WEIGHT_IO },
  sizes: ({ shape: { a, b }, attrs: { splits = 1 } }) => ({ m: a[0]!, n: b[0]!, k: a[1]!, splits }),
  factors: ({ shape: { a, b } }) => [rows(a), weightRows(b)],
};

const op = defineOp<"a" | "b", "y">({
  name: "linear",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }) => ({ y: [a[0]!, b[0]!] }),
  lowerings: [
    {
      name: "split",
      when: ({ shape: { a, b } }) => splitsOf(a[0]!, b[0]!, a[1]!) > 1,
      parts: ({ a, b }) => {
        const splits = splitsOf(a.shape[0]!, b.shape[0]!, a.shape[1]!);
        const y = forwardPartial({ a, b }, { splits }).y;
        return { y: addSplits(y, y.shape.slice(1)) };
      },
    },
    ...gemmKernels({ ...forward, hooks: ["epilogue"] }),
  ],
  gradient: ({ in: { a, b }, dy, needs }) => ({
    a: needs.a && backwardInput({ a: dy, b }, {}).y,
    b: needs.b && backwardWeight({ a, b: dy }, {}).y,
  }),
  cost: ({ shape: { a, b } }) => ({ flops: 2 * a[0]! * a[1]! * b[0]! }),
});

const forwardPartial = defineOp<"a" | "b", "y", { splits: number }>({
  name: "linear_partial",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }, { splits }) => ({ y: [splits, a[0]!, b[0]!] }),
  lowerings: gemmKernels(forward),
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape: { a, b } }) => ({ flops: 2 * a[0]! * a[1]! * b[0]! }),
});

/** dx = dy·weight; a = dy [rows, out], b = weight. */
const backwardInput = defineOp<"a" | "b", "y">({
  name: "linear_backward_input",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }) => ({ y: [a[0]!, b[1]!] }),
  lowerings: gemmKernels({
    layouts: { b: WEIGHT_IO },
    hooks: ["epilogue"],
    sizes: ({ shape: { a, b } }) => ({ m: a[0]!, n: b[1]!, k: a[1]! }),
    factors: ({ shape: { a, b } }) => [rows(a), weightRows(b, true)],
  }),
  gradient: { none: "gradients of gradients are not supported" },
  cost: ({ shape: { a, b } }) => ({ flops: 2 * a[0]! * a[1]! * b[1]! }),
});

/** Product of xᵀ with dy, padded as a weight is; a = x, b = dy. */
const weightProduct: GemmOp<Splits> = {
  sizes: ({ shape: { a, b }, attrs: { splits = 1 } }) => {
    const [m, n] = [a[1]!, b[1]!];
    return { m, n, k: a[0]!, splits, stored: [roundUp(m, 4), roundUp(n, 4)] };
  },
  factors: ({ shape: { a, b } }) => [rows(a, true), rows(b)],
};

/** dweight = dyᵀ·x, stored as [in, out] like the weight; a = x [rows, in], b = dy [rows, out]. */
const backwardWeight = defineOp<"a" | "b", "y">({
  name: "linear_backward_weight",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }) => ({ y: [b[1]!, a[1]!] }),
  lowerings: [
    {
      name: "split",
      when: ({ shape: { a, b } }) => splitsOf(a[1]!, b[1]!, a[0]!) > 1,
      parts: ({ a, b }) => {
        const splits = splitsOf(a.shape[1]!, b.shape[1]!, a.shape[0]!);
        const partial = backwardWeightPartial({ a, b }, { splits }).y;
        return { y: addSplits(partial, [b.shape[1]!, a.shape[1]!], WEIGHT_IO) };
      },
    },
    ...gemmKernels({ ...weightProduct, layouts: { y: WEIGHT_IO }, padZero: ["y"] }),
  ],
  gradient: { none: "gradients of gradients are not supported" },
  cost: ({ shape: { a, b } }) => ({ flops: 2 * a[0]! * a[1]! * b[1]! }),
});

/** Partial results [splits, in, out], the sizes rounded up to multiples of four by zeros. */
const backwardWeightPartial = defineOp<"a" | "b", "y", { splits: number }>({
  name: "linear_backward_weight_partial",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }, { splits }) => ({ y: [splits, roundUp(a[1]!, 4), roundUp(b[1]!, 4)] }),
  lowerings: gemmKernels(weightProduct),
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape: { a, b } }) => ({ flops: 2 * a[0]! * a[1]! * b[1]! }),
});

/**
 * Affine map of the last axis.   y[..., o] = Σ_i x[..., i]·weight[o, i] + bias[o]
 * Shapes  x [..., in]; weight [out, in]; bias [out] or null; y [..., out]
 * Errors  ShapeError if weight is not a matrix, or its in or bias's length does not fit
 */
export function linear(x: Value, weight: Value, bias: Value | null): Value {
  checkShapes(x.shape, weight.shape, bias?.shape);
  const bare = op({ a: reshape(x, [-1, x.shape.at(-1)!]), b: weight }, {}).y;
  const y = bias ? add(bare, bias) : bare;
  return reshape(y, [...x.shape.slice(0, -1), weight.shape[0]!]);
}

function checkShapes(x: Shape, weight: Shape, bias: Shape | undefined): void {
  const shapes = {
    x: formatShape(x),
    weight: formatShape(weight),
    ...(bias && { bias: formatShape(bias) }),
  };
  const fail = (problem: string, expected: string, got: string, fix: string) => {
    throw new ShapeError({ op: "linear", problem, expected, got, shapes, fix });
  };
  const [out, features] = weight;
  if (weight.length !== 2) fail("rank of weight", "2 ([out, in])", `${weight.length}`, "pass a matrix");
  if (x.length < 1) fail("rank of x", "at least 1", "0", "reshape x to [1, in]");
  if (x.at(-1) !== features) {
    const fix = `make a layer with ${x.at(-1)} inputs, or flatten x first`;
    fail("input features", `${features} (weight in)`, `${x.at(-1)} (last axis of x)`, fix);
  }
  if (bias && (bias.length !== 1 || bias[0] !== out)) {
    fail("shape of bias", `[${out}] (weight out)`, formatShape(bias), "pass one number for each output");
  }
}
