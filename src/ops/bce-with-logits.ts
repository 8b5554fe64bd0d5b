import bceWgsl from "../../shaders/bce_with_logits.wgsl?raw";
import { ShapeError } from "../core/errors.ts";
import { broadcastShapes, formatShape, sameShape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { checkPair, type ReductionOptions, reduceElements } from "./loss-reduction.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";

export interface BceWithLogitsOptions extends ReductionOptions {
  /** Factor of every loss, broadcast to x; none where absent. */
  readonly weight?: Value;
  /** Factor of the losses of positives, broadcast to x ([C] for classes on the last axis); it gets no gradient. */
  readonly posWeight?: Value;
}

const none = { none: "gradients of gradients are not supported" };

const plain = defineOp({
  name: "bce_with_logits",
  inputs: ["x", "y"],
  outputs: ["loss"],
  shape: ({ x }) => ({ loss: x }),
  pointwise: { wgsl: bceWgsl, fn: "bce" },
  gradient: ({ in: { x, y }, dy, needs }) => ({
    x: needs.x && plainSlope({ dy, x, y }, {}).dx,
    y: needs.y && mul(dy, neg(x)),
  }),
});

const plainSlope = defineOp({
  name: "bce_with_logits_backward",
  inputs: ["dy", "x", "y"],
  outputs: ["dx"],
  shape: ({ x }) => ({ dx: x }),
  pointwise: { wgsl: bceWgsl, fn: "bce_slope" },
  gradient: none,
});

const weighted = defineOp({
  name: "weighted_bce_with_logits",
  inputs: ["x", "y", "positive"],
  outputs: ["loss"],
  shape: ({ x }) => ({ loss: x }),
  pointwise: { wgsl: bceWgsl, fn: "weighted_bce" },
  gradient: ({ in: { x, y, positive }, dy, needs }) => ({
    x: needs.x && weightedSlope({ dy, x, y, positive }, {}).dx,
    y: needs.y && weightedTargetSlope({ dy, x, positive }, {}).dx,
  }),
});

const weightedSlope = defineOp({
  name: "weighted_bce_with_logits_backward",
  inputs: ["dy", "x", "y", "positive"],
  outputs: ["dx"],
  shape: ({ x }) => ({ dx: x }),
  pointwise: { wgsl: bceWgsl, fn: "weighted_bce_slope" },
  gradient: none,
});

const weightedTargetSlope = defineOp({
  name: "weighted_bce_with_logits_backward_target",
  inputs: ["dy", "x", "positive"],
  outputs: ["dx"],
  shape: ({ x }) => ({ dx: x }),
  pointwise: { wgsl: bceWgsl, fn: "weighted_bce_target_slope" },
  gradient: none,
});

function checkWeight(name: string, weight: Value, x: Value): void {
  if (sameShape(broadcastShapes("bceWithLogits", x.shape, weight.shape), x.shape)) return;
  throw new ShapeError({
    op: "bceWithLogits",
    problem: `shape of ${name}`,
    expected: `one that broadcasts to ${formatShape(x.shape)}`,
    got: formatShape(weight.shape),
    fix: "pass one weight, one for each class on the last axis, or one for each element",
  });
}

/**
 * Binary cross-entropy from logits.   loss = −w·(p·y·log σ(x) + (1 − y)·log(1 − σ(x))), w = weight, p = posWeight
 * Shapes  x, y equal; weight and posWeight broadcastable to x; loss [], or for "none" as x
 * Errors  ShapeError for shapes that do not fit
 * Source  torch.nn.functional.binary_cross_entropy_with_logits
 */
export function bceWithLogits(x: Value, y: Value, options: BceWithLogitsOptions = {}): Value {
  checkPair("bceWithLogits", x, y);
  const { weight, posWeight } = options;
  if (weight) checkWeight("weight", weight, x);
  if (posWeight) checkWeight("posWeight", posWeight, x);
  const loss = posWeight ? weighted({ x, y, positive: posWeight }, {}).loss : plain({ x, y }, {}).loss;
  return reduceElements("bceWithLogits", weight ? mul(loss, weight) : loss, options);
}
