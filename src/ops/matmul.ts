import { ShapeError } from "../core/errors.ts";
import { broadcastShapes, formatShape, numel, type Shape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { addSplits } from "./add-splits.ts";
import { type GemmOp, gemmKernels, rowMajorOperand, splitsOf } from "./gemm.ts";
import { reshape } from "./reshape.ts";
import { sumTo } from "./sum.ts";

export interface MatmulOptions {
  /** Take the last two axes of a swapped; default false. */
  readonly transposeA?: boolean;
  /** Take the last two axes of b swapped; default false. */
  readonly transposeB?: boolean;
}

interface MatmulAttrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

interface PartialAttrs extends MatmulAttrs {
  readonly splits: number;
}

interface Sizes {
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

function sizesOf(a: Shape, b: Shape, { transposeA, transposeB }: MatmulAttrs): Sizes {
  const [m, k] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [inner, n] = transposeB ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  if (inner !== k) {
    throw new ShapeError({
      op: "matmul",
      problem: "inner sizes",
      expected: `${k} (${transposeA ? "rows" : "columns"} of a)`,
      got: `${inner} (${transposeB ? "columns" : "rows"} of b)`,
      shapes: { a: formatShape(a), b: formatShape(b) },
      fix: "make the two sizes equal, or pass transposeA or transposeB",
    });
  }
  return { batch: broadcastShapes("matmul", a.slice(0, -2), b.slice(0, -2)), m, n, k };
}

function splits({ batch, m, n, k }: Sizes): number {
  return splitsOf(m, n, k, numel(batch));
}

const product: GemmOp<MatmulAttrs & { readonly splits?: number }> = {
  sizes: ({ shape, attrs }) => {
    const { batch, m, n, k } = sizesOf(shape.a, shape.b, attrs);
    return { m, n, k, batches: numel(batch), splits: attrs.splits ?? 1 };
  },
  factors: ({ shape, attrs, physical: { a, b } }) => {
    const { batch } = sizesOf(shape.a, shape.b, attrs);
    return [rowMajorOperand(a, attrs.transposeA, batch), rowMajorOperand(b, attrs.transposeB, batch)];
  },
};

const flops = (a: Shape, y: Shape, attrs: MatmulAttrs) => ({
  flops: 2 * numel(y) * (attrs.transposeA ? a.at(-2)! : a.at(-1)!),
});

const op = defineOp<"a" | "b", "y", MatmulAttrs>({
  name: "matmul",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }, attrs) => {
    const { batch, m, n } = sizesOf(a, b, attrs);
    return { y: [...batch, m, n] };
  },
  lowerings: [
    {
      name: "split",
      when: ({ shape, attrs }) => splits(sizesOf(shape.a, shape.b, attrs)) > 1,
      parts: ({ a, b }, attrs) => {
        const sizes = sizesOf(a.shape, b.shape, attrs);
        const partial = partialOp({ a, b }, { ...attrs, splits: splits(sizes) }).y;
        return { y: addSplits(partial, partial.shape.slice(1)) };
      },
    },
    ...gemmKernels({ ...product, hooks: ["epilogue"] }),
  ],
  gradient: ({ in: { a, b }, dy, attrs: { transposeA, transposeB }, needs }) => ({
    a: needs.a && sumTo(gradientOfA(dy, b, transposeA, transposeB), a.shape),
    b: needs.b && sumTo(gradientOfB(dy, a, transposeA, transposeB), b.shape),
  }),
  cost: ({ shape, attrs }) => flops(shape.a, shape.y, attrs),
});

const partialOp = defineOp<"a" | "b", "y", PartialAttrs>({
  name: "matmul_partial",
  inputs: ["a", "b"],
  outputs: ["y"],
  shape: ({ a, b }, attrs) => {
    const { batch, m, n } = sizesOf(a, b, attrs);
    return { y: [attrs.splits, ...batch, m, n] };
  },
  lowerings: gemmKernels(product),
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape, attrs }) => flops(shape.a, shape.y.slice(1), attrs),
});

/** da of y = op(a)·op(b): dy·op(b)ᵀ, or its transpose. */
function gradientOfA(dy: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  if (transposeA) return op({ a: b, b: dy }, { transposeA: transposeB, transposeB: true }).y;
  return op({ a: dy, b }, { transposeA: false, transposeB: !transposeB }).y;
}

/** db of y = op(a)·op(b): op(a)ᵀ·dy, or its transpose. */
function gradientOfB(dy: Value, a: Value, transposeA: boolean, transposeB: boolean): Value {
  if (transposeB) return op({ a: dy, b: a }, { transposeA: true, transposeB: transposeA }).y;
  return op({ a, b: dy }, { transposeA: !transposeA, transposeB: false }).y;
}

function checkRank(name: string, shape: Shape): void {
  if (shape.length >= 2) return;
  throw new ShapeError({
    op: "matmul",
    problem: `rank of ${name}`,
    expected: "at least 2",
    got: `${shape.length}`,
    shapes: { [name]: formatShape(shape) },
    fix: `reshape it, for example reshape(${name}, [1, -1])`,
  });
}

/**
 * Matrix product of the last two axes.   y[..., m, n] = Σ_k a[..., m, k]·b[..., k, n]
 * Shapes  a [..., M, K] ([..., K, M] with transposeA); b [..., K, N] ([..., N, K] with transposeB); leading axes
 *         broadcast; y [..., M, N]
 * Errors  ShapeError for a rank below 2, unequal inner sizes, or leading axes that do not broadcast
 */
export function matmul(a: Value, b: Value, options: MatmulOptions = {}): Value {
  checkRank("a", a.shape);
  checkRank("b", b.shape);
  const { transposeA = false, transposeB = false } = options;
  // A stack times one matrix is one tall matrix times it, whose gradient sums over the stack by itself.
  if (a.shape.length > 2 && b.shape.length === 2 && !transposeA) {
    const tall = reshape(a, [-1, a.shape.at(-1)!]);
    const y = op({ a: tall, b }, { transposeA, transposeB }).y;
    return reshape(y, [...a.shape.slice(0, -1), y.shape[1]!]);
  }
  return op({ a, b }, { transposeA, transposeB }).y;
}
