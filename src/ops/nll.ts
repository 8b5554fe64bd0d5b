import backwardWgsl from "../../shaders/nll_backward.wgsl?raw";
import forwardWgsl from "../../shaders/nll_forward.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { CHANNELS_LAST, type Physical, PLAIN } from "../core/layout.ts";
import { ceilDiv, numel, type Shape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
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
import { reduceShares } from "./loss-reduction.ts";

export type NllOptions = ClassLossOptions;

type Inputs = "logProbs" | "labels" | "weight";

const op = defineOp<Inputs, "y" | "total", ClassLossAttrs>({
  name: "nll",
  inputs: ["logProbs", "labels", "weight"],
  outputs: ["y", "total"],
  shape: ({ logProbs }, { reduction }) => ({ y: lossShape(logProbs, reduction), total: [] }),
  lowerings: [
    {
      name: "positions",
      parts: (inputs, attrs) => {
        const { loss, share } = positions(inputs, attrs);
        return reduceShares(loss, share, attrs.reduction);
      },
    },
  ],
  gradient: ({ in: { logProbs, labels, weight }, out: { total }, dy, attrs, needs }) => ({
    logProbs:
      needs.logProbs && backward({ labels, weight, dy, total }, { ...attrs, scores: logProbs.shape }).dx,
  }),
  cost: ({ shape }) => ({ flops: 2 * numel(positionShape(shape.logProbs)) }),
});

const positions = defineOp<Inputs, "loss" | "share", ClassLossAttrs>({
  name: "nll_forward",
  inputs: ["logProbs", "labels", "weight"],
  outputs: ["loss", "share"],
  shape: ({ logProbs }) => ({ loss: positionShape(logProbs), share: positionShape(logProbs) }),
  lowerings: [
    {
      name: "nll_forward",
      wgsl: forwardWgsl,
      layouts: { logProbs: "any" },
      launch: ({ physical, shape, attrs }) => ({
        grid: linearGrid(ceilDiv(numel(shape.loss), 64)),
        const: consts(physical.logProbs, attrs),
      }),
    },
  ],
  gradient: { none: "nll has one of its own" },
});

function consts(
  scores: Physical,
  { weighted, ignoreIndex }: ClassLossAttrs,
): Record<string, number | boolean> {
  return { ...classConsts(scores), WEIGHTED: weighted, IGNORED: ignoreIndex };
}

type BackwardAttrs = ClassLossAttrs & { readonly scores: Shape };

/** The gradient does not read the log-probabilities, only their shape. */
const backward = defineOp<"labels" | "weight" | "dy" | "total", "dx", BackwardAttrs>({
  name: "nll_backward",
  inputs: ["labels", "weight", "dy", "total"],
  outputs: ["dx"],
  shape: (_, { scores }) => ({ dx: scores }),
  lowerings: [true, false].map((isImage) => ({
    name: "nll_backward",
    wgsl: backwardWgsl,
    layouts: { dx: isImage ? CHANNELS_LAST : PLAIN },
    when: ({ attrs }) => (attrs.scores.length === 4) === isImage,
    launch: ({ physical, attrs }) => ({
      grid: linearGrid(ceilDiv(numel(positionShape(attrs.scores)), 64)),
      const: { ...consts(physical.dx, attrs), DY_STEP: attrs.reduction === "none" ? 1 : 0 },
    }),
  })),
  gradient: { none: "gradients of gradients are not supported" },
});

/**
 * Negative log likelihood from log-probabilities.   loss = −w_y·x_y for label y
 * A mean divides by Σ w_y over the labels that count.
 * Shapes  logProbs [N, C] or [N, C, ...]; target i32 [N] or [N, ...]; loss [], or for "none" as target
 * Errors  ShapeError for operands that do not fit. A label that is neither a class nor ignoreIndex makes the loss NaN:
 *         the device cannot throw
 * Source  torch.nn.functional.nll_loss
 */
export function nll(logProbs: Value, target: Value, options: NllOptions = {}): Value {
  checkLabels("nll", logProbs, target);
  const { weight, attrs } = classLossInputs("nll", logProbs, options);
  return op({ logProbs, labels: target, weight }, attrs).y;
}
