import { at, forEachIndex, need, Sum } from "./tensor.ts";
import type { Attrs, Reference, Tensor } from "./types.ts";

/**
 * Functions of one element, each given as the terms whose sum it is and the terms of its derivative:
 * y = Σ terms(x), dx = dy · Σ slope(x). At a kink the slope is the one PyTorch uses.
 */
type Terms = (x: number, attrs: Attrs) => readonly number[];

function addTerms(target: Sum, offset: number, factor: number, terms: readonly number[]): void {
  for (const term of terms) {
    target.add(offset, factor * term);
  }
}

function pointwise(terms: Terms, slope: Terms): Reference {
  return {
    forward(inputs, attrs) {
      const x = need(inputs, "x");
      const y = new Sum(x.shape);
      x.data.forEach((value, i) => {
        addTerms(y, i, 1, terms(value, attrs));
      });
      return { y };
    },
    backward(inputs, attrs, upstream) {
      const x = need(inputs, "x");
      const dy = need(upstream, "y");
      const dx = new Sum(x.shape);
      x.data.forEach((value, i) => {
        addTerms(dx, i, at(dy.data, i), slope(value, attrs));
      });
      return { x: dx };
    },
  };
}

/**
 * Error function, 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·5···(2n+1)). Every term has the sign of x, so nothing cancels.
 * From |x| = 6 on it is ±1 to the last bit.
 */
export function erf(x: number): number {
  if (Math.abs(x) >= 6) {
    return Math.sign(x);
  }
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** 1 / (1 + e^(−x)), written so that the exponential never overflows. */
export function logistic(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

/** log(1 + e^x) = max(x, 0) + log(1 + e^(−|x|)); both parts are positive. */
export function logOnePlusExp(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

export const relu = pointwise(
  (x) => [Math.max(x, 0)],
  (x) => [x > 0 ? 1 : 0],
);

const negativeSlopeOf = (attrs: Attrs): number => attrs.negativeSlope ?? 0.01;

export const leakyRelu = pointwise(
  (x, attrs) => [x > 0 ? x : negativeSlopeOf(attrs) * x],
  (x, attrs) => [x > 0 ? 1 : negativeSlopeOf(attrs)],
);

const alphaOf = (attrs: Attrs): number => attrs.alpha ?? 1;

/** x above 0, α(e^x − 1) elsewhere. */
export const elu = pointwise(
  (x, attrs) => (x > 0 ? [x] : [alphaOf(attrs) * Math.exp(x), -alphaOf(attrs)]),
  (x, attrs) => [x > 0 ? 1 : alphaOf(attrs) * Math.exp(x)],
);

const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

export const selu = pointwise(
  (x) => (x > 0 ? [seluScale * x] : [seluScale * seluAlpha * Math.exp(x), -seluScale * seluAlpha]),
  (x) => [x > 0 ? seluScale : seluScale * seluAlpha * Math.exp(x)],
);

const normalDensity = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

/** 2/√π · ∫ e^(−t²) dt from 0 to x. */
export const erfReference = pointwise(
  (x) => [erf(x)],
  (x) => [(2 / Math.sqrt(Math.PI)) * Math.exp(-x * x)],
);

/** x/2 · (1 + erf(x/√2)). */
const geluExact = pointwise(
  (x) => [0.5 * x, 0.5 * x * erf(x / Math.SQRT2)],
  (x) => [0.5, 0.5 * erf(x / Math.SQRT2), x * normalDensity(x)],
);

const tanhGeluArgument = (x: number): number => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

/** x/2 · (1 + tanh u), u = √(2/π)(x + 0.044715 x³); slope 1/2 + t/2 + x/2 · u′ · (1 − t²). */
const geluTanh = pointwise(
  (x) => [0.5 * x, 0.5 * x * Math.tanh(tanhGeluArgument(x))],
  (x) => {
    const t = Math.tanh(tanhGeluArgument(x));
    const du = Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
    return [0.5, 0.5 * t, 0.5 * x * du, -0.5 * x * du * t * t];
  },
);

export const gelu: Reference = {
  forward: (inputs, attrs) => (attrs.approximate === "tanh" ? geluTanh : geluExact).forward(inputs, attrs),
  backward: (inputs, attrs, upstream) =>
    (attrs.approximate === "tanh" ? geluTanh : geluExact).backward(inputs, attrs, upstream),
};

/** x · σ(x); slope σ + x·σ·(1 − σ). */
export const silu = pointwise(
  (x) => [x * logistic(x)],
  (x) => {
    const s = logistic(x);
    return [s, x * s, -x * s * s];
  },
);

/** x · min(max(x + 3, 0), 6) / 6. The slope at −3 is 0 and at 3 it is 1. */
export const hardswish = pointwise(
  (x) => (x <= -3 ? [0] : x >= 3 ? [x] : [(x * x) / 6, x / 2]),
  (x) => (x <= -3 ? [0] : x >= 3 ? [1] : [x / 3, 0.5]),
);

/** min(max(x + 3, 0), 6) / 6. The slope at both bounds is 0. */
export const hardsigmoid = pointwise(
  (x) => (x <= -3 ? [0] : x >= 3 ? [1] : [x / 6, 0.5]),
  (x) => [x > -3 && x < 3 ? 1 / 6 : 0],
);

export const sigmoid = pointwise(
  (x) => [logistic(x)],
  (x) => [logistic(x), -(logistic(x) ** 2)],
);

export const tanh = pointwise(
  (x) => [Math.tanh(x)],
  (x) => [1, -(Math.tanh(x) ** 2)],
);

/** log(1 + e^(βx)) / β, and x itself where βx exceeds the threshold. */
export const softplus = pointwise(
  (x, attrs) => {
    const beta: number = attrs.beta ?? 1;
    return [beta * x > (attrs.threshold ?? 20) ? x : logOnePlusExp(beta * x) / beta];
  },
  (x, attrs) => {
    const beta: number = attrs.beta ?? 1;
    return [beta * x > (attrs.threshold ?? 20) ? 1 : logistic(beta * x)];
  },
);

/** x · tanh(log(1 + e^x)); slope t + x·σ(x)·(1 − t²). */
export const mish = pointwise(
  (x) => [x * Math.tanh(logOnePlusExp(x))],
  (x) => {
    const t = Math.tanh(logOnePlusExp(x));
    const s = logistic(x);
    return [t, x * s, -x * s * t * t];
  },
);

export const neg = pointwise(
  (x) => [-x],
  () => [-1],
);

export const abs = pointwise(
  (x) => [Math.abs(x)],
  (x) => [Math.sign(x)],
);

export const exp = pointwise(
  (x) => [Math.exp(x)],
  (x) => [Math.exp(x)],
);

export const log = pointwise(
  (x) => [Math.log(x)],
  (x) => [1 / x],
);

export const sqrt = pointwise(
  (x) => [Math.sqrt(x)],
  (x) => [0.5 / Math.sqrt(x)],
);

/** min(max(x, low), high). The gradient passes at the bounds themselves. */
export const clamp = pointwise(
  (x, attrs) => [Math.min(Math.max(x, attrs.min ?? -Infinity), attrs.max ?? Infinity)],
  (x, attrs) => [x >= (attrs.min ?? -Infinity) && x <= (attrs.max ?? Infinity) ? 1 : 0],
);

/** Which weight an element uses: the only one, or that of its channel (axis 1). */
function preluWeightIndex(weight: Tensor, index: readonly number[]): number {
  return weight.data.length === 1 ? 0 : at(index, 1);
}

/** x above 0, weight·x elsewhere, one weight in all or one for each channel. */
export const prelu: Reference = {
  forward(inputs) {
    const x = need(inputs, "x");
    const weight = need(inputs, "weight");
    const y = new Sum(x.shape);
    forEachIndex(x.shape, (index, i) => {
      const value = at(x.data, i);
      y.add(i, value > 0 ? value : at(weight.data, preluWeightIndex(weight, index)) * value);
    });
    return { y };
  },
  backward(inputs, _attrs, upstream) {
    const x = need(inputs, "x");
    const weight = need(inputs, "weight");
    const dy = need(upstream, "y");
    const dx = new Sum(x.shape);
    const dweight = new Sum(weight.shape);
    forEachIndex(x.shape, (index, i) => {
      const value = at(x.data, i);
      const w = preluWeightIndex(weight, index);
      if (value > 0) {
        dx.add(i, at(dy.data, i));
      } else {
        dx.add(i, at(dy.data, i) * at(weight.data, w));
        dweight.add(w, at(dy.data, i) * value);
      }
    });
    return { x: dx, weight: dweight };
  },
};
