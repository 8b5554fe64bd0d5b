import { at, need, Sum, sizeOf } from "./tensor.ts";
import type { Attrs, Reference, Tensor, Tensors } from "./types.ts";

/**
 * Normalisations. All are y = (x − mean)·rstd·weight + bias, rstd = 1/√(variance + eps); they differ in which
 * elements share a mean and a variance (a set) and which share a weight and a bias (a parameter).
 */

/** For every element of x, the set that gives its statistics and the parameter that scales it. */
interface Sets {
  readonly count: number;
  setOf(offset: number): number;
  parameterOf(offset: number): number;
}

/** Per set. `spread` is the sum of the magnitudes of the terms of the mean, Σ |x| / n. */
interface Moments {
  readonly mean: Float64Array;
  readonly spread: Float64Array;
  readonly variance: Float64Array;
  readonly size: Float64Array;
}

/** Mean and biased variance of every set, the variance from the deviations. */
function momentsOf(x: Tensor, sets: Sets): Moments {
  const mean = new Float64Array(sets.count);
  const spread = new Float64Array(sets.count);
  const variance = new Float64Array(sets.count);
  const size = new Float64Array(sets.count);
  x.data.forEach((value, offset) => {
    const set = sets.setOf(offset);
    mean[set] = at(mean, set) + value;
    spread[set] = at(spread, set) + Math.abs(value);
    size[set] = at(size, set) + 1;
  });
  for (let set = 0; set < sets.count; set++) {
    mean[set] = at(mean, set) / at(size, set);
    spread[set] = at(spread, set) / at(size, set);
  }
  x.data.forEach((value, offset) => {
    const set = sets.setOf(offset);
    variance[set] = at(variance, set) + (value - at(mean, set)) ** 2 / at(size, set);
  });
  return { mean, spread, variance, size };
}

/** Running statistics in the place of the batch's: constants, one pair per channel. */
function fixedMoments(sets: Sets, mean: Tensor, variance: Tensor): Moments {
  const perSet = (tensor: Tensor): Float64Array =>
    Float64Array.from({ length: sets.count }, (_, set) => at(tensor.data, set % tensor.data.length));
  const means = perSet(mean);
  return {
    mean: means,
    spread: means.map(Math.abs),
    variance: perSet(variance),
    size: new Float64Array(sets.count),
  };
}

/** Everything one normalisation needs. `constant`: the statistics do not depend on x (running statistics). */
interface Setting {
  readonly x: Tensor;
  readonly weight: Tensor | undefined;
  readonly bias: Tensor | undefined;
  readonly sets: Sets;
  readonly moments: Moments;
  readonly constant: boolean;
  readonly eps: number;
}

/** One element: x̂ = (x − mean)·rstd with the sum of the magnitudes of its two terms, and its scale. */
interface Element {
  readonly set: number;
  readonly parameter: number;
  readonly rstd: number;
  readonly weight: number;
  readonly centred: number;
  readonly centredTerms: number;
}

function elementsOf({ x, weight, sets, moments, eps }: Setting): Element[] {
  return Array.from(x.data, (value, offset) => {
    const set = sets.setOf(offset);
    const parameter = sets.parameterOf(offset);
    const rstd = 1 / Math.sqrt(at(moments.variance, set) + eps);
    return {
      set,
      parameter,
      rstd,
      weight: weight ? at(weight.data, parameter) : 1,
      centred: (value - at(moments.mean, set)) * rstd,
      centredTerms: (Math.abs(value) + at(moments.spread, set)) * rstd,
    };
  });
}

/** The terms of y: x·rstd·weight, mean·rstd·weight, bias. */
function normalised(setting: Setting): Sum {
  const y = new Sum(setting.x.shape);
  elementsOf(setting).forEach(({ parameter, weight, centred, centredTerms }, offset) => {
    y.add(offset, centred * weight, centredTerms * Math.abs(weight));
    if (setting.bias) {
      y.add(offset, at(setting.bias.data, parameter));
    }
  });
  return y;
}

/**
 * Magnitude of a product of two sums A·B: each sum expanded in turn, the other kept at its value. Expanding both at
 * once, |A|'s terms times |B|'s, would be as honest but so wide at mean 1e4 that it bounds nothing; the smaller counts.
 */
function productTerms(a: number, termsOfA: number, b: number, termsOfB: number): number {
  return Math.min(termsOfA * termsOfB, Math.abs(a) * termsOfB + termsOfA * Math.abs(b));
}

/**
 * With g = dy·weight: dx = rstd·(g − mean(g) − x̂·mean(g·x̂)), the means over the set; dx = rstd·g where the
 * statistics are constants. dweight = Σ dy·x̂ and dbias = Σ dy over the elements that share the parameter.
 */
function gradients(setting: Setting, dy: Tensor): Tensors {
  const elements = elementsOf(setting);
  const meanG = new Sum([setting.sets.count]);
  const meanGCentred = new Sum([setting.sets.count]);
  if (!setting.constant) {
    elements.forEach(({ set, weight, centred, centredTerms }, offset) => {
      const share = (at(dy.data, offset) * weight) / at(setting.moments.size, set);
      meanG.add(set, share);
      meanGCentred.add(set, share * centred, Math.abs(share) * centredTerms);
    });
  }
  const dx = new Sum(setting.x.shape);
  const dweight = setting.weight && new Sum(setting.weight.shape);
  const dbias = setting.bias && new Sum(setting.bias.shape);
  elements.forEach(({ set, parameter, rstd, weight, centred, centredTerms }, offset) => {
    const upstream = at(dy.data, offset);
    dx.add(offset, rstd * upstream * weight);
    dx.add(offset, -rstd * at(meanG.data, set), rstd * at(meanG.magnitude, set));
    dx.add(
      offset,
      -rstd * centred * at(meanGCentred.data, set),
      rstd * productTerms(centred, centredTerms, at(meanGCentred.data, set), at(meanGCentred.magnitude, set)),
    );
    dweight?.add(parameter, upstream * centred, Math.abs(upstream) * centredTerms);
    dbias?.add(parameter, upstream);
  });
  return { x: dx, ...(dweight && { weight: dweight }), ...(dbias && { bias: dbias }) };
}

/** (1 − factor)·running + factor·(mean over a channel's sets of its batch statistic). */
function moved(running: Tensor, factor: number, perSet: ArrayLike<number>, terms: ArrayLike<number>): Sum {
  const channels = running.data.length;
  const next = new Sum(running.shape);
  running.data.forEach((value, channel) => {
    next.add(channel, (1 - factor) * value);
    for (let set = channel; set < perSet.length; set += channels) {
      const share = (factor * channels) / perSet.length;
      next.add(channel, share * at(perSet, set), share * at(terms, set));
    }
  });
  return next;
}

/**
 * New running statistics under the names of the inputs. A channel has one set in batch norm and one per example in
 * instance norm. The variance kept is the unbiased one, Σ (x − mean)² / (n − 1). Momentum null: factor 1 / batches.
 */
function runningStatistics(inputs: Tensors, moments: Moments, momentum: number | null): Tensors {
  const { runningMean, runningVar, numBatchesTracked } = inputs;
  const next: Tensors = {};
  let factor = momentum;
  if (numBatchesTracked) {
    const batches = at(numBatchesTracked.data, 0) + 1;
    next.numBatchesTracked = { shape: numBatchesTracked.shape, data: Float64Array.of(batches) };
    factor ??= 1 / batches;
  }
  if (factor === null) {
    throw new Error("reference: a cumulative average needs numBatchesTracked");
  }
  if (runningMean) {
    next.runningMean = moved(runningMean, factor, moments.mean, moments.spread);
  }
  if (runningVar) {
    const unbiased = moments.variance.map((value, set) => {
      const size = at(moments.size, set);
      return (value * size) / (size - 1);
    });
    next.runningVar = moved(runningVar, factor, unbiased, unbiased);
  }
  return next;
}

/** Evaluation leaves the running statistics alone. */
function unchanged(inputs: Tensors): Tensors {
  const names = ["runningMean", "runningVar", "numBatchesTracked"];
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => names.includes(name)));
}

export interface NormAttrs {
  readonly eps?: number;
  /** Weight of the new batch in the running statistics; null: cumulative average. */
  readonly momentum?: number | null;
  /** True: statistics of the batch, running ones updated. False: running statistics where there are any. */
  readonly training?: boolean;
  /** Group norm only. */
  readonly groups?: number;
  /** Layer norm only: the last axes, which share their statistics. */
  readonly normalizedShape?: readonly number[];
}

type MakeSets = (shape: readonly number[], attrs: NormAttrs) => Sets;

/** Elements behind one channel (axis 1): L, H·W, or 1 for [N,C]. */
function innerSize(shape: readonly number[]): number {
  return sizeOf(shape.slice(2));
}

function channelOf(shape: readonly number[], offset: number): number {
  return Math.floor(offset / innerSize(shape)) % at(shape, 1);
}

const batchSets: MakeSets = (shape) => ({
  count: at(shape, 1),
  setOf: (offset) => channelOf(shape, offset),
  parameterOf: (offset) => channelOf(shape, offset),
});

const instanceSets: MakeSets = (shape) => ({
  count: at(shape, 0) * at(shape, 1),
  setOf: (offset) => Math.floor(offset / innerSize(shape)),
  parameterOf: (offset) => channelOf(shape, offset),
});

/** Channels of one group lie behind one another, so a set is a run of C/groups·H·W elements. */
const groupSets: MakeSets = (shape, attrs) => {
  const groups = attrs.groups ?? 1;
  const run = (at(shape, 1) / groups) * innerSize(shape);
  return {
    count: at(shape, 0) * groups,
    setOf: (offset) => Math.floor(offset / run),
    parameterOf: (offset) => channelOf(shape, offset),
  };
};

/** Weight and bias are shaped as the normalised axes, one parameter per position in a set. */
const layerSets: MakeSets = (shape, attrs) => {
  const run = sizeOf(attrs.normalizedShape ?? []);
  return {
    count: sizeOf(shape) / run,
    setOf: (offset) => Math.floor(offset / run),
    parameterOf: (offset) => offset % run,
  };
};

function normReference(makeSets: MakeSets): Reference {
  const settingOf = (inputs: Tensors, attrs: NormAttrs): Setting => {
    const x = need(inputs, "x");
    const sets = makeSets(x.shape, attrs);
    const { weight, bias, runningMean, runningVar } = inputs;
    const fixed = !(attrs.training ?? true) && runningMean && runningVar;
    const moments = fixed ? fixedMoments(sets, runningMean, runningVar) : momentsOf(x, sets);
    return { x, weight, bias, sets, moments, constant: Boolean(fixed), eps: attrs.eps ?? 1e-5 };
  };
  return {
    forward(inputs: Tensors, attrs: Attrs): Tensors {
      const setting = settingOf(inputs, attrs);
      const training = attrs.training ?? true;
      const momentum = attrs.momentum === undefined ? 0.1 : attrs.momentum;
      const state = training ? runningStatistics(inputs, setting.moments, momentum) : unchanged(inputs);
      return { y: normalised(setting), ...state };
    },

    backward(inputs: Tensors, attrs: Attrs, upstream: Tensors): Tensors {
      return gradients(settingOf(inputs, attrs), need(upstream, "y"));
    },
  };
}

/** x [N,C], [N,C,L] or [N,C,H,W]: statistics over everything but C. */
export const batchNormReference = normReference(batchSets);

/** Statistics over one channel of one example. */
export const instanceNormReference = normReference(instanceSets);

/** Statistics over C/groups channels of one example. */
export const groupNormReference = normReference(groupSets);

/** Statistics over the last axes, as many as normalizedShape has. */
export const layerNormReference = normReference(layerSets);
