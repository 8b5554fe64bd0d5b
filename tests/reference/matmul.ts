import { at, broadcastOffset, broadcastShapes, forEachIndex, need, Sum } from "./tensor.ts";
import type { Attrs, Reference, Tensor } from "./types.ts";

/** Matrix products: y[..., m, n] = Σ_k a[..., m, k] · b[..., k, n] over broadcast leading axes, and x·Wᵀ + bias. */

/** One operand seen as a stack of matrices: element (row, column) lies at base + row·rowStride + column·columnStride. */
interface Matrices {
  readonly batch: readonly number[];
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
  /** Offset of the matrix that broadcasts to `batchIndex`. */
  base(batchIndex: readonly number[]): number;
}

function matricesOf(tensor: Tensor, transposed: boolean): Matrices {
  const rank = tensor.shape.length;
  const batch = tensor.shape.slice(0, -2);
  const [height, width] = [at(tensor.shape, rank - 2), at(tensor.shape, rank - 1)];
  const base = (batchIndex: readonly number[]): number => broadcastOffset(batch, batchIndex) * height * width;
  return transposed
    ? { batch, rows: width, columns: height, rowStride: 1, columnStride: width, base }
    : { batch, rows: height, columns: width, rowStride: width, columnStride: 1, base };
}

interface Product {
  readonly left: Matrices;
  readonly right: Matrices;
  readonly shape: readonly number[];
}

function productOf(a: Tensor, b: Tensor, attrs: Attrs): Product {
  const left = matricesOf(a, attrs.transposeA ?? false);
  const right = matricesOf(b, attrs.transposeB ?? false);
  if (left.columns !== right.rows) {
    throw new Error(`reference: matmul of inner sizes ${left.columns} and ${right.rows}`);
  }
  return { left, right, shape: [...broadcastShapes(left.batch, right.batch), left.rows, right.columns] };
}

/** Calls `visit` with the offsets of a, b and y for every product a·b that y sums. */
function forEachTerm(
  { left, right, shape }: Product,
  visit: (offsetA: number, offsetB: number, offsetY: number) => void,
): void {
  forEachIndex(shape, (index, offsetY) => {
    const batchIndex = index.slice(0, -2);
    const startA = left.base(batchIndex) + at(index, index.length - 2) * left.rowStride;
    const startB = right.base(batchIndex) + at(index, index.length - 1) * right.columnStride;
    for (let k = 0; k < left.columns; k++) {
      visit(startA + k * left.columnStride, startB + k * right.rowStride, offsetY);
    }
  });
}

export const matmul: Reference = {
  forward(inputs, attrs) {
    const a = need(inputs, "a");
    const b = need(inputs, "b");
    const product = productOf(a, b, attrs);
    const y = new Sum(product.shape);
    forEachTerm(product, (i, j, o) => {
      y.add(o, at(a.data, i) * at(b.data, j));
    });
    return { y };
  },
  backward(inputs, attrs, upstream) {
    const a = need(inputs, "a");
    const b = need(inputs, "b");
    const dy = need(upstream, "y");
    const da = new Sum(a.shape);
    const db = new Sum(b.shape);
    forEachTerm(productOf(a, b, attrs), (i, j, o) => {
      da.add(i, at(dy.data, o) * at(b.data, j));
      db.add(j, at(dy.data, o) * at(a.data, i));
    });
    return { a: da, b: db };
  },
};

/** y[..., o] = Σ_i x[..., i] · weight[o, i] + bias[o]; the bias input may be absent. */
export const linear: Reference = {
  forward(inputs) {
    const x = need(inputs, "x");
    const weight = need(inputs, "weight");
    const [outputs, features] = [at(weight.shape, 0), at(weight.shape, 1)];
    const y = new Sum([...x.shape.slice(0, -1), outputs]);
    forEachIndex(y.shape, (index, offset) => {
      const o = at(index, index.length - 1);
      const row = Math.floor(offset / outputs);
      for (let i = 0; i < features; i++) {
        y.add(offset, at(x.data, row * features + i) * at(weight.data, o * features + i));
      }
      if (inputs.bias !== undefined) {
        y.add(offset, at(inputs.bias.data, o));
      }
    });
    return { y };
  },
  backward(inputs, _attrs, upstream) {
    const x = need(inputs, "x");
    const weight = need(inputs, "weight");
    const dy = need(upstream, "y");
    const [outputs, features] = [at(weight.shape, 0), at(weight.shape, 1)];
    const dx = new Sum(x.shape);
    const dweight = new Sum(weight.shape);
    const dbias = new Sum([outputs]);
    forEachIndex(dy.shape, (index, offset) => {
      const o = at(index, index.length - 1);
      const row = Math.floor(offset / outputs);
      const slope = at(dy.data, offset);
      for (let i = 0; i < features; i++) {
        dx.add(row * features + i, slope * at(weight.data, o * features + i));
        dweight.add(o * features + i, slope * at(x.data, row * features + i));
      }
      dbias.add(o, slope);
    });
    return { x: dx, weight: dweight, ...(inputs.bias !== undefined ? { bias: dbias } : {}) };
  },
};
