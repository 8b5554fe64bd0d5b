import { numel, resolveAxis } from "../core/shape.ts";
import { checkFloats, defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { exp } from "./exp.ts";
import { log } from "./log.ts";
import { max } from "./max.ts";
import { mul } from "./mul.ts";
import {
  isLongLine,
  type SoftmaxAttrs,
  type SoftmaxOptions,
  softmaxBackwardKernel,
  softmaxKernel,
} from "./softmax.ts";
import { sub } from "./sub.ts";
import { sum } from "./sum.ts";

const op = defineOp<"x", "y", SoftmaxAttrs>({
  name: "log_softmax",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  lowerings: [
    {
      name: "parts",
      when: isLongLine,
      parts: ({ x }, { axis }) => {
        const line = { axes: [axis], keepDims: true };
        const shifted = sub(x, max(x, line));
        return { y: sub(shifted, log(sum(exp(shifted), line))) };
      },
    },
    softmaxKernel("return shifted - logarithm(total);"),
  ],
  gradient: ({ out: { y }, dy, attrs }) => ({ x: backward({ y, dy }, attrs).dx }),
  cost: ({ shape }) => ({ flops: 5 * numel(shape.x) }),
});

const backward = defineOp<"y" | "dy", "dx", SoftmaxAttrs>({
  name: "log_softmax_backward",
  inputs: ["y", "dy"],
  outputs: ["dx"],
  shape: ({ y }) => ({ dx: y }),
  lowerings: [
    {
      name: "parts",
      when: isLongLine,
      parts: ({ y, dy }, { axis }) => ({
        dx: sub(dy, mul(exp(y), sum(dy, { axes: [axis], keepDims: true }))),
      }),
    },
    softmaxBackwardKernel({
      term: "return upstream;",
      result: "return upstream - exponential(value) * total;",
    }),
  ],
  gradient: { none: "gradients of gradients are not supported" },
  cost: ({ shape }) => ({ flops: 4 * numel(shape.y) }),
});

/**
 * Logarithm of the softmax along one axis.   y_i = x_i − m − log Σ_j e^(x_j − m), m = max x
 * Shapes  x any but a scalar; y as x
 * Errors  ShapeError for an axis out of range
 */
export function logSoftmax(x: Value, { axis = -1 }: SoftmaxOptions = {}): Value {
  checkFloats({ name: "logSoftmax" }, { x });
  return op({ x }, { axis: resolveAxis("logSoftmax", axis, x.shape.length) }).y;
}
