import { OptionError, ShapeError } from "../core/errors.ts";
import { formatShape, numel, type Shape } from "../core/shape.ts";
import { checkFloats, defineOp, type GradientContext } from "../graph/define.ts";
import { constant, filled } from "../graph/leaf.ts";
import { traceMode } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import {
  backwardApply,
  backwardReduce,
  backwardSum,
  chunksOf,
  countBatch,
  evaluatePointwise,
  finalise,
  finaliseRunning,
  finaliseTracked,
  inverseDeviation,
  moments,
  normalise,
} from "./batch-norm-parts.ts";
import { mul } from "./mul.ts";
import { reshape } from "./reshape.ts";

/** Values that a batch norm may have beside x, one number a channel each. */
export interface BatchNormInputs {
  /** Scale γ; 1 where absent. */
  readonly weight?: Value;
  /** Shift β; 0 where absent. */
  readonly bias?: Value;
  /** Both or none; moved in training, used in evaluation. */
  readonly runningMean?: Value;
  readonly runningVar?: Value;
  /** i32 []; counted up in training. */
  readonly numBatchesTracked?: Value;
}

export interface BatchNormOpOptions {
  /** Weight of the new batch in the running statistics; null: 1 / number of batches. Default 0.1. */
  readonly momentum?: number | null;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}

interface Attrs {
  readonly eps: number;
  readonly momentum: number | null;
}

type Names = "x" | "weight" | "bias";
type Outputs = "y" | "mean" | "rstd";
type All = Names | "runningMean" | "runningVar" | "numBatchesTracked";

/** A value of one number a channel in the rank of x, to be broadcast; a single number as it is. */
function perChannel(value: Value, x: Shape): Value {
  if (value.shape.length === 0) return value;
  return reshape(value, [1, x[1]!, ...x.slice(2).map(() => 1)]);
}

type Finalise = (
  partials: Value,
  inputs: Partial<Record<All, Value>>,
  x: Shape,
  attrs: Attrs,
) => Record<"mean" | "rstd", Value>;

/** Batch norm in training as one op, differentiated as a whole and executed as moments, finalise and normalise. */
function training<K extends All>(name: string, states: readonly Exclude<K, Names>[], statistics: Finalise) {
  return defineOp<K | Names, Outputs, Attrs>({
    name,
    inputs: ["x", "weight", "bias", ...states],
    outputs: ["y", "mean", "rstd"],
    ...(states.length && { writes: states }),
    shape: ({ x }: Readonly<Record<Names, Shape>>) => ({ y: x, mean: [x[1]!], rstd: [x[1]!] }),
    lowerings: [
      {
        name: "parts",
        parts: (inputs: Readonly<Record<Names, Value>>, attrs: Attrs) => {
          const { x, weight, bias } = inputs;
          const { partials } = moments({ x }, {});
          const { mean, rstd } = statistics(partials, inputs, x.shape, attrs);
          const [m, r, w, b] = [mean, rstd, weight, bias].map((value) => perChannel(value, x.shape));
          return { y: normalise({ x, mean: m!, rstd: r!, weight: w!, bias: b! }, {}).y, mean, rstd };
        },
      },
    ],
    gradient: trainingGradient,
    cost: ({ shape }: { readonly shape: Readonly<Record<Names, Shape>> }) => ({ flops: 8 * numel(shape.x) }),
  } as never);
}

function trainingGradient({
  in: { x, weight },
  out: { mean, rstd },
  dy,
  needs,
}: GradientContext<Names, Outputs>) {
  const { dweight, dbias } = parameterGradients(x, dy, mean, rstd);
  const [m, r, w, dw, db] = [mean, rstd, weight, dweight, dbias].map((value) => perChannel(value, x.shape));
  const perValue = x.shape[1]! / numel(x.shape);
  return {
    x:
      needs.x &&
      backwardApply({ x, dy, mean: m!, rstd: r!, weight: w!, dweight: dw!, dbias: db! }, { perValue }).dx,
    weight: needs.weight && dweight,
    bias: needs.bias && dbias,
  };
}

function parameterGradients(x: Value, dy: Value, mean: Value, rstd: Value) {
  const { partials } = backwardReduce({ x, dy, mean, rstd }, {});
  return backwardSum({ partials }, chunksOf(x.shape));
}

const finaliseAttrs = (x: Shape, { eps }: Attrs) => ({ ...chunksOf(x), eps });

const plain = training<Names>("batch_norm", [], (partials, _, x, attrs) =>
  finalise({ partials }, finaliseAttrs(x, attrs)),
);
const running = training<Names | "runningMean" | "runningVar">(
  "batch_norm_running",
  ["runningMean", "runningVar"],
  (partials, { runningMean, runningVar }, x, attrs) =>
    finaliseRunning(
      {
        partials,
        runningMean: runningMean!,
        runningVar: runningVar!,
        factor: filled([], attrs.momentum ?? 0),
      },
      finaliseAttrs(x, attrs),
    ),
);
const tracked = training<All>(
  "batch_norm_tracked",
  ["runningMean", "runningVar", "numBatchesTracked"],
  (partials, { runningMean, runningVar, numBatchesTracked }, x, attrs) => {
    const states = { runningMean: runningMean!, runningVar: runningVar! };
    const common = finaliseAttrs(x, attrs);
    if (attrs.momentum !== null) {
      return finaliseTracked(
        { partials, ...states, numBatchesTracked: numBatchesTracked! },
        { ...common, momentum: attrs.momentum },
      );
    }
    const { factor } = countBatch({ numBatchesTracked: numBatchesTracked! }, {});
    return finaliseRunning({ partials, ...states, factor }, common);
  },
);

const evaluation = defineOp<"x" | "mean" | "variance" | "weight" | "bias", "y", { eps: number }>({
  name: "batch_norm_evaluate",
  inputs: ["x", "mean", "variance", "weight", "bias"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: evaluatePointwise,
  gradient: ({ in: { x, mean, variance, weight }, dy, attrs, needs }) => {
    const { rstd } = inverseDeviation({ variance }, attrs);
    const channels = x.shape[1]!;
    const flat = (value: Value) => reshape(value, [channels]);
    const sums = needs.weight || needs.bias ? parameterGradients(x, dy, flat(mean), flat(rstd)) : undefined;
    return {
      x: needs.x && mul(mul(dy, rstd), weight),
      weight: needs.weight && reshape(sums!.dweight, weight.shape),
      bias: needs.bias && reshape(sums!.dbias, weight.shape),
    };
  },
});

/**
 * Batch normalisation per channel.   y = (x − mean)/√(var + eps)·weight + bias
 * In training mean and var (biased) are the batch's, and the running statistics move: running ← (1 − m)·running +
 * m·batch, with the unbiased variance. In evaluation they are the running ones, or the batch's where there are none.
 * Shapes  x [N, C], [N, C, L] or [N, C, H, W]; weight, bias, runningMean, runningVar [C]; numBatchesTracked [] (i32)
 * Errors  ShapeError for another rank, sizes other than C, or one value a channel in training; OptionError
 * Source  Ioffe & Szegedy 2015 (arXiv:1502.03167); conventions of torch.nn.functional.batch_norm
 */
export function batchNorm(x: Value, inputs: BatchNormInputs = {}, options: BatchNormOpOptions = {}): Value {
  const { momentum = 0.1, eps = 1e-5 } = options;
  checkInputs(x, inputs, momentum, eps);
  const channels = x.shape[1]!;
  const { weight = constant(1), bias = constant(0) } = inputs;
  const { runningMean, runningVar, numBatchesTracked } = inputs;
  const attrs = { eps, momentum };
  if (traceMode() === "eval" && runningMean && runningVar) {
    const [mean, variance, w, b] = [runningMean, runningVar, weight, bias].map((v) => perChannel(v, x.shape));
    return evaluation({ x, mean: mean!, variance: variance!, weight: w!, bias: b! }, { eps }).y;
  }
  if (numel(x.shape) === channels) {
    throw new ShapeError({
      op: "batchNorm",
      problem: "values per channel in training",
      expected: "more than 1",
      got: "1",
      shapes: { x: formatShape(x.shape, "activation") },
      fix: "use a larger batch (or dropLast), or evaluation mode",
    });
  }
  const common = { x, weight, bias };
  // Without running statistics evaluation uses the batch's own, and leaves nothing behind.
  if (!runningMean || !runningVar || traceMode() === "eval") return plain(common, attrs).y;
  if (!numBatchesTracked) return running({ ...common, runningMean, runningVar }, attrs).y;
  return tracked({ ...common, runningMean, runningVar, numBatchesTracked }, attrs).y;
}

/**
 * Every row of x [1, rows, length] with its own mean taken off and divided by its own deviation: what layer, group and
 * instance normalisation do, a row being a channel of batch norm.
 */
export function standardise(x: Value, eps: number): Value {
  return plain({ x, weight: constant(1), bias: constant(0) }, { eps, momentum: null }).y;
}

function checkInputs(x: Value, inputs: BatchNormInputs, momentum: number | null, eps: number): void {
  const op = "batchNorm";
  const { weight, bias, runningMean, runningVar } = inputs;
  if (x.shape.length < 2 || x.shape.length > 4) {
    throw new ShapeError({
      op,
      problem: "rank of x",
      expected: "2 ([N, C]), 3 ([N, C, L]) or 4 ([N, C, H, W])",
      got: `${x.shape.length}`,
      shapes: { x: formatShape(x.shape) },
    });
  }
  const channels = x.shape[1]!;
  for (const [name, value] of Object.entries({ weight, bias, runningMean, runningVar })) {
    if (!value) continue;
    checkFloats({ name: op }, { x, [name]: value });
    if (value.shape.length === 1 && value.shape[0] === channels) continue;
    throw new ShapeError({
      op,
      problem: `shape of ${name}`,
      expected: `[${channels}] (x's C)`,
      got: formatShape(value.shape),
      shapes: { x: formatShape(x.shape, "activation"), [name]: formatShape(value.shape) },
      fix: `nn.batchNorm(${channels}), or change the layer before it to ${value.shape[0] ?? 1} channels`,
    });
  }
  checkStatistics(op, inputs, momentum, eps);
}

function checkStatistics(
  op: string,
  { runningMean, runningVar, numBatchesTracked }: BatchNormInputs,
  momentum: number | null,
  eps: number,
): void {
  if ((runningMean === undefined) !== (runningVar === undefined)) {
    throw new OptionError({
      op,
      problem: "running statistics",
      expected: "mean and variance, or neither",
      got: "one of them",
    });
  }
  if (!(eps > 0)) throw new OptionError({ op, problem: "eps", expected: "a number above 0", got: `${eps}` });
  if (momentum !== null && !(momentum >= 0 && momentum <= 1)) {
    throw new OptionError({
      op,
      problem: "momentum",
      expected: "null or a number from 0 to 1",
      got: `${momentum}`,
    });
  }
  if (momentum === null && runningMean && !numBatchesTracked) {
    throw new OptionError({
      op,
      problem: "momentum null (cumulative average)",
      expected: "numBatchesTracked beside the running statistics",
      got: "none",
    });
  }
}
