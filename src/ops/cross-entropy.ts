import backwardWgsl from "../../shaders/cross_entropy_backward.wgsl?raw";
import backwardQuadsWgsl from "../../shaders/cross_entropy_backward_quads.wgsl?raw";
import forwardWgsl from "../../shaders/cross_entropy_forward.wgsl?raw";
import forwardQuadsWgsl from "../../shaders/cross_entropy_forward_quads.wgsl?raw";
import { OptionError } from "../core/errors.ts";
import { linearGrid } from "../core/grid.ts";
import type { Physical } from "../core/layout.ts";
import { ceilDiv, numel, type Shape, sameShape } from "../core/shape.ts";
import { type ChoiceContext, defineOp, type OpSpec } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import {
  type ClassLossAttrs,
  type ClassLossOptions,
  checkLabels,
  classConsts,
  classLossInputs,
  lossShape,
  positionShape,
} from "./class-loss.ts";
import { div } from "./div.ts";
import { logSoftmax } from "./log-softmax.ts";
import { reduceShares } from "./loss-reduction.ts";
import { mul } from "./mul.ts";
import { reshape } from "./reshape.ts";

export interface CrossEntropyOptions extends ClassLossOptions {
  /** Share of every target that is spread over all classes; default 0. */
  readonly labelSmoothing?: number;
}

export interface CrossEntropyAttrs extends ClassLossAttrs {
  readonly labelSmoothing: number;
  /** True if the target is a distribution over classes instead of a class. */
  readonly probabilities: boolean;
}

type Inputs = "logits" | "labels" | "weight";

const op = defineOp<Inputs, "y" | "stats" | "total", CrossEntropyAttrs>({
  name: "cross_entropy",
  inputs: ["logits", "labels", "weight"],
  outputs: ["y", "stats", "total"],
  shape: ({ logits }, { reduction }) => ({
    y: lossShape(logits, reduction),
    stats: statsShape(logits),
    total: [],
  }),
  lowerings: [
    {
      name: "positions",
      parts: (inputs, attrs) => {
        const { loss, share, stats } = positions(inputs, attrs);
        return { ...reduceShares(loss, share, attrs.reduction), stats };
      },
    },
  ],
  gradient: ({ in: { logits, labels, weight }, out: { stats, total }, dy, attrs, needs }) => ({
    logits: needs.logits && backward({ logits, labels, weight, stats, dy, total }, attrs).dx,
    labels: needs.labels && gradientOfProbabilities(logits, weight, dy, total, attrs),
  }),
  cost: ({ shape }) => ({ flops: 6 * numel(shape.logits) }),
});

/** The op itself, for passes. */
export const CROSS_ENTROPY: OpSpec = op.spec;

function statsShape(logits: Shape): number[] {
  return [3, numel(positionShape(logits))];
}

const positions = defineOp<Inputs, "loss" | "share" | "stats", CrossEntropyAttrs>({
  name: "cross_entropy_forward",
  inputs: ["logits", "labels", "weight"],
  outputs: ["loss", "share", "stats"],
  shape: ({ logits }) => ({
    loss: positionShape(logits),
    share: positionShape(logits),
    stats: statsShape(logits),
  }),
  lowerings: [
    {
      name: "cross_entropy_forward_quads",
      wgsl: forwardQuadsWgsl,
      when: inQuads,
      launch: ({ shape: { logits }, attrs }) => ({
        grid: linearGrid(ceilDiv(logits[0]!, 64)),
        const: quadConsts(logits, attrs),
      }),
    },
    {
      name: "cross_entropy_forward",
      wgsl: forwardWgsl,
      layouts: { logits: "any" },
      launch: ({ physical, shape, attrs }) => ({
        grid: linearGrid(ceilDiv(numel(shape.loss), 64)),
        const: consts(physical.logits, attrs),
        ...(attrs.probabilities && { alias: { Label: "f32" } }),
      }),
    },
  ],
  gradient: { none: "cross_entropy has one of its own" },
  cost: ({ shape }) => ({ flops: 6 * numel(shape.logits) }),
});

function consts(logits: Physical, attrs: CrossEntropyAttrs): Record<string, number | boolean> {
  return {
    ...classConsts(logits),
    SPACE: numel(logits.shape.slice(2)),
    PROBABILITIES: attrs.probabilities,
    WEIGHTED: attrs.weighted,
    SMOOTHING: attrs.labelSmoothing,
    IGNORED: attrs.ignoreIndex,
  };
}

/** True for rows of many classes that are read four at a time. */
function inQuads({
  shape: { logits },
  attrs: { weighted, probabilities },
}: ChoiceContext<"logits", CrossEntropyAttrs>): boolean {
  const [, classes = 1] = logits;
  return logits.length === 2 && classes % 4 === 0 && classes >= 32 && !weighted && !probabilities;
}

function quadConsts([count = 1, classes = 1]: Shape, attrs: CrossEntropyAttrs): Record<string, number> {
  return {
    COUNT: count,
    QUADS: classes / 4,
    SMOOTHING: attrs.labelSmoothing,
    IGNORED: attrs.ignoreIndex,
  };
}

/** Classes of one thread of the backward kernels. */
const PART = 16;

const backward = defineOp<Inputs | "stats" | "dy" | "total", "dx", CrossEntropyAttrs>({
  name: "cross_entropy_backward",
  inputs: ["logits", "labels", "weight", "stats", "dy", "total"],
  outputs: ["dx"],
  shape: ({ logits }) => ({ dx: logits }),
  lowerings: [
    {
      name: "cross_entropy_backward_quads",
      wgsl: backwardQuadsWgsl,
      when: inQuads,
      launch: ({ shape: { logits }, attrs }) => {
        const threads = ceilDiv(logits[1]!, PART);
        return {
          grid: linearGrid(ceilDiv(logits[0]! * threads, 64)),
          const: {
            ...quadConsts(logits, attrs),
            THREADS: threads,
            ITEMS: PART / 4,
            DY_STEP: attrs.reduction === "none" ? 1 : 0,
          },
        };
      },
    },
    {
      name: "cross_entropy_backward",
      wgsl: backwardWgsl,
      layouts: { logits: "any", dx: "like logits" },
      launch: ({ physical, shape, attrs }) => ({
        grid: linearGrid(ceilDiv(numel(positionShape(shape.logits)) * ceilDiv(shape.logits[1]!, PART), 64)),
        const: {
          ...consts(physical.logits, attrs),
          PART,
          DY_STEP: attrs.reduction === "none" ? 1 : 0,
        },
        ...(attrs.probabilities && { alias: { Label: "f32" } }),
      }),
    },
  ],
  gradient: { none: "gradients of gradients are not supported" },
  cost: ({ shape }) => ({ flops: 5 * numel(shape.logits) }),
});

/** The op that gives the gradient of the logits, for passes. */
export const CROSS_ENTROPY_GRADIENT: OpSpec = backward.spec;

/** dt_c = −d·(1 − ε)·w_c·log p_c, for targets that are themselves computed (distillation). */
function gradientOfProbabilities(
  logits: Value,
  weight: Value,
  dy: Value,
  total: Value,
  { labelSmoothing, weighted, reduction }: CrossEntropyAttrs,
): Value {
  const [batch = 1, , ...space] = logits.shape;
  const slope = mul(div(dy, total), labelSmoothing - 1);
  const spread = reduction === "none" ? reshape(slope, [batch, 1, ...space]) : slope;
  const gradient = mul(logSoftmax(logits, { axis: 1 }), spread);
  return weighted ? mul(gradient, reshape(weight, [-1, ...space.map(() => 1)])) : gradient;
}

/**
 * Softmax cross-entropy from logits.   loss = −Σ_c w_c·((1 − ε)·t_c + ε/C)·log softmax(x)_c, t one-hot or given
 * A mean divides by Σ w_y over the labels that count, or by the number of positions for probabilities.
 * Shapes  logits [N, C] or [N, C, ...]; target i32 [N] or [N, ...], or f32 probabilities as logits; loss [], or for "none" [N, ...]
 * Errors  ShapeError for operands that do not fit; OptionError for labelSmoothing outside of 0 to 1. A label that is
 *         neither a class nor ignoreIndex makes the loss NaN: the device cannot throw
 * Source  torch.nn.functional.cross_entropy; label smoothing of Szegedy et al. 2016 (arXiv:1512.00567) §7
 */
export function crossEntropy(logits: Value, target: Value, options: CrossEntropyOptions = {}): Value {
  const { labelSmoothing = 0 } = options;
  const probabilities = target.dtype === "f32" && sameShape(target.shape, logits.shape);
  if (!probabilities) checkLabels("crossEntropy", logits, target);
  const { weight, attrs } = classLossInputs("crossEntropy", logits, options);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new OptionError({
      op: "crossEntropy",
      problem: "labelSmoothing",
      expected: "a number from 0 to 1",
      got: `${labelSmoothing}`,
    });
  }
  return op({ logits, labels: target, weight }, { ...attrs, labelSmoothing, probabilities }).y;
}
