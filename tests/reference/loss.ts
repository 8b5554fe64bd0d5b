import { logistic, logOnePlusExp } from "./pointwise.ts";
import { lineSoftmax, linesOf, logSumExp } from "./softmax.ts";
import { at, broadcastOffset, forEachIndex, need, Sum, sizeOf } from "./tensor.ts";
import type { Attrs, Reference, Tensor, Tensors } from "./types.ts";

/** Losses with PyTorch's reductions: "mean" (default), "sum" or "none". */

/** Where the loss of one position goes and by what it is multiplied. */
interface Reducer {
  readonly shape: readonly number[];
  readonly factor: number;
  target(position: number): number;
}

/** `total` is what the mean divides by: a count, or the sum of class weights. */
function reducerOf(shape: readonly number[], attrs: Attrs, total: number): Reducer {
  if (attrs.reduction === "none") {
    return { shape, factor: 1, target: (position) => position };
  }
  return { shape: [], factor: attrs.reduction === "sum" ? 1 : 1 / total, target: () => 0 };
}

/** One position of a classification loss: Σ_c coefficient[c] · (−log p_c), and its share of what the mean divides by. */
interface Position {
  /** Offsets of its classes in the logits. */
  readonly line: readonly number[];
  readonly coefficients: readonly number[];
  readonly total: number;
}

/** Class indices: (1 − ε)·w_y on class y and ε/C · w_c on every class; nothing on an ignored position. */
function indexPosition(
  line: readonly number[],
  label: number,
  weight: Tensor | undefined,
  attrs: Attrs,
): Position {
  const smoothing: number = attrs.labelSmoothing ?? 0;
  const weightOf = (c: number): number => (weight === undefined ? 1 : at(weight.data, c));
  if (label === (attrs.ignoreIndex ?? -100)) {
    return { line, coefficients: line.map(() => 0), total: 0 };
  }
  const coefficients = line.map(
    (_, c) => (c === label ? (1 - smoothing) * weightOf(c) : 0) + (smoothing / line.length) * weightOf(c),
  );
  return { line, coefficients, total: weightOf(label) };
}

/** Probabilities t: w_c · ((1 − ε)·t_c + ε/C); the mean divides by the number of positions whatever the weights. */
function probabilityPosition(
  line: readonly number[],
  target: Tensor,
  weight: Tensor | undefined,
  attrs: Attrs,
): Position {
  const smoothing: number = attrs.labelSmoothing ?? 0;
  const coefficients = line.map((offset, c) => {
    const smoothed = (1 - smoothing) * at(target.data, offset) + smoothing / line.length;
    return smoothed * (weight === undefined ? 1 : at(weight.data, c));
  });
  return { line, coefficients, total: 1 };
}

const positionShape = (x: Tensor): number[] => [at(x.shape, 0), ...x.shape.slice(2)];

const hasProbabilities = (x: Tensor, target: Tensor): boolean => target.shape.length === x.shape.length;

function positionsOf(x: Tensor, inputs: Tensors, attrs: Attrs): Position[] {
  const target = need(inputs, "target");
  return linesOf(x, 1).map((line, position) =>
    hasProbabilities(x, target)
      ? probabilityPosition(line, target, inputs.weight, attrs)
      : indexPosition(line, at(target.data, position), inputs.weight, attrs),
  );
}

const sumTotals = (positions: readonly Position[]): number =>
  positions.reduce((total, position) => total + position.total, 0);

/** Loss Σ_c q_c·(m + log Σ e^(x − m) − x_c); gradient p_c·Σ q − q_c for logits, −w_c·(1 − ε)·log p_c for probabilities. */
export const crossEntropy: Reference = {
  forward(inputs, attrs) {
    const x = need(inputs, "logits");
    const positions = positionsOf(x, inputs, attrs);
    const reducer = reducerOf(positionShape(x), attrs, sumTotals(positions));
    const loss = new Sum(reducer.shape);
    positions.forEach(({ line, coefficients }, position) => {
      const { max, logSum } = logSumExp(x.data, line);
      line.forEach((offset, c) => {
        for (const term of [max, logSum, -at(x.data, offset)]) {
          loss.add(reducer.target(position), reducer.factor * at(coefficients, c) * term);
        }
      });
    });
    return { loss };
  },
  backward(inputs, attrs, upstream) {
    const x = need(inputs, "logits");
    const target = need(inputs, "target");
    const dloss = need(upstream, "loss");
    const positions = positionsOf(x, inputs, attrs);
    const reducer = reducerOf(positionShape(x), attrs, sumTotals(positions));
    const dx = new Sum(x.shape);
    const dtarget = new Sum(target.shape);
    positions.forEach(({ line, coefficients }, position) => {
      const slope = reducer.factor * at(dloss.data, reducer.target(position));
      const p = lineSoftmax(x.data, line);
      const { max, logSum } = logSumExp(x.data, line);
      line.forEach((offset, c) => {
        dx.add(offset, -slope * at(coefficients, c));
        for (const coefficient of coefficients) {
          dx.add(offset, slope * at(p, c) * coefficient);
        }
        if (hasProbabilities(x, target)) {
          const weight = inputs.weight === undefined ? 1 : at(inputs.weight.data, c);
          for (const term of [max, logSum, -at(x.data, offset)]) {
            dtarget.add(offset, slope * weight * (1 - (attrs.labelSmoothing ?? 0)) * term);
          }
        }
      });
    });
    return { logits: dx, ...(hasProbabilities(x, target) ? { target: dtarget } : {}) };
  },
};

/** −w_y · logProbs_y of every position that is not ignored; the mean divides by Σ w_y. */
export const nll: Reference = {
  forward(inputs, attrs) {
    const x = need(inputs, "logProbs");
    const positions = positionsOf(x, inputs, attrs);
    const reducer = reducerOf(positionShape(x), attrs, sumTotals(positions));
    const loss = new Sum(reducer.shape);
    positions.forEach(({ line, coefficients }, position) => {
      line.forEach((offset, c) => {
        loss.add(reducer.target(position), -reducer.factor * at(coefficients, c) * at(x.data, offset));
      });
    });
    return { loss };
  },
  backward(inputs, attrs, upstream) {
    const x = need(inputs, "logProbs");
    const dloss = need(upstream, "loss");
    const positions = positionsOf(x, inputs, attrs);
    const reducer = reducerOf(positionShape(x), attrs, sumTotals(positions));
    const dx = new Sum(x.shape);
    positions.forEach(({ line, coefficients }, position) => {
      const slope = reducer.factor * at(dloss.data, reducer.target(position));
      line.forEach((offset, c) => {
        dx.add(offset, -slope * at(coefficients, c));
      });
    });
    return { logProbs: dx };
  },
};

/** One element of an elementwise loss; weights are 1 where the case gives none. */
interface Element {
  readonly x: number;
  readonly y: number;
  readonly weight: number;
  readonly posWeight: number | undefined;
}

type Terms = (element: Element, attrs: Attrs) => readonly number[];

/** loss = Σ terms, dx = Σ slopeX, dy = Σ slopeY for each element; the mean divides by the number of elements. */
function elementwise(terms: Terms, slopeX: Terms, slopeY: Terms): Reference {
  const forEachElement = (inputs: Tensors, visit: (element: Element, offset: number) => void): void => {
    const x = need(inputs, "x");
    const y = need(inputs, "y");
    const { weight, posWeight } = inputs;
    forEachIndex(x.shape, (index, offset) => {
      const element = {
        x: at(x.data, offset),
        y: at(y.data, offset),
        weight: weight === undefined ? 1 : at(weight.data, broadcastOffset(weight.shape, index)),
        posWeight:
          posWeight === undefined ? undefined : at(posWeight.data, broadcastOffset(posWeight.shape, index)),
      };
      visit(element, offset);
    });
  };
  return {
    forward(inputs, attrs) {
      const { shape } = need(inputs, "x");
      const reducer = reducerOf(shape, attrs, sizeOf(shape));
      const loss = new Sum(reducer.shape);
      forEachElement(inputs, (element, offset) => {
        for (const term of terms(element, attrs)) {
          loss.add(reducer.target(offset), reducer.factor * term);
        }
      });
      return { loss };
    },
    backward(inputs, attrs, upstream) {
      const { shape } = need(inputs, "x");
      const dloss = need(upstream, "loss");
      const reducer = reducerOf(shape, attrs, sizeOf(shape));
      const dx = new Sum(shape);
      const dy = new Sum(shape);
      forEachElement(inputs, (element, offset) => {
        const slope = reducer.factor * at(dloss.data, reducer.target(offset));
        for (const term of slopeX(element, attrs)) {
          dx.add(offset, slope * term);
        }
        for (const term of slopeY(element, attrs)) {
          dy.add(offset, slope * term);
        }
      });
      return { x: dx, y: dy };
    },
  };
}

/** (x − y)². */
export const mse = elementwise(
  ({ x, y }) => [(x - y) ** 2],
  ({ x, y }) => [2 * (x - y)],
  ({ x, y }) => [-2 * (x - y)],
);

/** |x − y|, with slope 0 where they are equal. */
export const l1 = elementwise(
  ({ x, y }) => [Math.abs(x - y)],
  ({ x, y }) => [Math.sign(x - y)],
  ({ x, y }) => [-Math.sign(x - y)],
);

const deltaOf = (attrs: Attrs): number => attrs.delta ?? 1;

/** The derivative of the Huber loss: the difference, held between −δ and δ. */
const huberSlope = (difference: number, delta: number): number =>
  Math.min(Math.max(difference, -delta), delta);

/** (x − y)²/2 up to |x − y| = δ, then δ·|x − y| − δ²/2. */
export const huber = elementwise(
  ({ x, y }, attrs) => {
    const [distance, delta] = [Math.abs(x - y), deltaOf(attrs)];
    return distance <= delta ? [0.5 * distance ** 2] : [delta * distance, -0.5 * delta ** 2];
  },
  ({ x, y }, attrs) => [huberSlope(x - y, deltaOf(attrs))],
  ({ x, y }, attrs) => [-huberSlope(x - y, deltaOf(attrs))],
);

/**
 * −w · (p·y·log σ(x) + (1 − y)·log(1 − σ(x))), p the weight of positives.
 * Without p: max(x, 0) − x·y + log(1 + e^(−|x|)). With p: (1 − y)·x + (1 − y + p·y)·log(1 + e^(−x)).
 */
export const bceWithLogits = elementwise(
  ({ x, y, weight, posWeight }) => {
    const terms =
      posWeight === undefined
        ? [Math.max(x, 0), -x * y, Math.log1p(Math.exp(-Math.abs(x)))]
        : [x, -x * y, ...[1, -y, posWeight * y].map((factor) => factor * logOnePlusExp(-x))];
    return terms.map((term) => weight * term);
  },
  ({ x, y, weight, posWeight }) => {
    const s = logistic(x);
    const terms = posWeight === undefined ? [s, -y] : [s, -y * s, posWeight * y * s, -posWeight * y];
    return terms.map((term) => weight * term);
  },
  ({ x, weight, posWeight }) => {
    const terms = posWeight === undefined ? [-x] : [-x, -logOnePlusExp(-x), posWeight * logOnePlusExp(-x)];
    return terms.map((term) => weight * term);
  },
);
