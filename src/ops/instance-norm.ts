import trackWgsl from "../../shaders/instance_norm_track.wgsl?raw";
import { OptionError, ShapeError } from "../core/errors.ts";
import { ceilDiv, formatShape, numel } from "../core/shape.ts";
import { checkFloats, defineOp } from "../graph/define.ts";
import { traceMode } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import { batchNorm, standardise } from "./batch-norm.ts";
import { type Chunks, chunksOf, moments } from "./batch-norm-parts.ts";
import { checkChannels, perChannelAffine } from "./group-norm.ts";
import { reshape } from "./reshape.ts";

/** Values that an instance norm may have beside x, one number a channel each. */
export interface InstanceNormInputs {
  readonly weight?: Value;
  readonly bias?: Value;
  /** Both or none; moved in training, used in evaluation. */
  readonly runningMean?: Value;
  readonly runningVar?: Value;
}

export interface InstanceNormOptions {
  /** Weight of the new batch in the running statistics. Default 0.1. */
  readonly momentum?: number;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}

type TrackAttrs = Chunks & {
  readonly examples: number;
  readonly features: number;
  readonly momentum: number;
};

const track = defineOp<"partials" | "runningMean" | "runningVar", never, TrackAttrs>({
  name: "instance_norm_track",
  inputs: ["partials", "runningMean", "runningVar"],
  outputs: [],
  writes: ["runningMean", "runningVar"],
  shape: () => ({}),
  lowerings: [
    {
      name: "instance_norm_track",
      wgsl: trackWgsl,
      launch: ({ attrs: { examples, features, positions, chunk, rows, momentum } }) => ({
        grid: [ceilDiv(features, 64)],
        const: {
          EXAMPLES: examples,
          CHANNELS: features,
          POSITIONS: positions,
          CHUNK: chunk,
          ROWS: rows,
          MOMENTUM: momentum,
        },
      }),
    },
  ],
  gradient: { none: "running statistics are no part of the loss" },
});

/**
 * Instance normalisation: every channel of every example by itself.   y = (x − mean)/√(var + eps)·weight + bias
 * With running statistics training moves them by the means over the batch (variance unbiased), and evaluation
 * normalises with them; without, evaluation is as training.
 * Shapes  x [N, C, L] or [N, C, H, W]; weight, bias, runningMean, runningVar [C]; y as x
 * Errors  ShapeError for another rank, sizes other than C, or one value a channel in training; OptionError
 * Source  Ulyanov et al. 2016 (arXiv:1607.08022); torch.nn.functional.instance_norm
 */
export function instanceNorm(
  x: Value,
  inputs: InstanceNormInputs = {},
  options: InstanceNormOptions = {},
): Value {
  const { weight, bias, runningMean, runningVar } = inputs;
  const { momentum = 0.1, eps = 1e-5 } = options;
  checkInputs(x, inputs, momentum, eps);
  if (traceMode() === "eval" && runningMean && runningVar) return batchNorm(x, inputs, { eps });
  const [n, c] = x.shape as [number, number];
  const length = numel(x.shape) / (n * c);
  if (length === 1) {
    throw new ShapeError({
      op: "instanceNorm",
      problem: "values per channel of an example",
      expected: "more than 1",
      got: "1",
      shapes: { x: formatShape(x.shape, "activation") },
    });
  }
  const rows = reshape(x, [1, n * c, length]);
  if (traceMode() === "train" && runningMean && runningVar) {
    const { partials } = moments({ x: rows }, {});
    track(
      { partials, runningMean, runningVar },
      { ...chunksOf(rows.shape), examples: n, features: c, momentum },
    );
  }
  return perChannelAffine(reshape(standardise(rows, eps), x.shape), weight ?? null, bias ?? null);
}

function checkInputs(
  x: Value,
  { weight, bias, runningMean, runningVar }: InstanceNormInputs,
  momentum: number,
  eps: number,
): void {
  const op = "instanceNorm";
  checkFloats({ name: op }, { x });
  if (x.shape.length < 3) {
    throw new ShapeError({
      op,
      problem: "rank of x",
      expected: "3 ([N, C, L]) or 4 ([N, C, H, W])",
      got: `${x.shape.length}`,
      shapes: { x: formatShape(x.shape) },
    });
  }
  checkChannels(op, x, { weight, bias, runningMean, runningVar });
  if ((runningMean === undefined) !== (runningVar === undefined)) {
    throw new OptionError({
      op,
      problem: "running statistics",
      expected: "mean and variance, or neither",
      got: "one of them",
    });
  }
  if (!(eps > 0)) throw new OptionError({ op, problem: "eps", expected: "a number above 0", got: `${eps}` });
  if (!(momentum >= 0 && momentum <= 1)) {
    throw new OptionError({ op, problem: "momentum", expected: "a number from 0 to 1", got: `${momentum}` });
  }
}
