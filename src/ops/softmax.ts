import forwardWgsl from "../../shaders/softmax.wgsl?raw";
import backwardWgsl from "../../shaders/softmax_backward.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv, numel, resolveAxis } from "../core/shape.ts";
import {
  type ChoiceContext,
  checkFloats,
  defineOp,
  type Kernel,
  type LaunchContext,
} from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { axesOf, fourAxes, sizeConsts, strideConsts } from "./axes.ts";
import { div } from "./div.ts";
import { exp } from "./exp.ts";
import { max } from "./max.ts";
import { mul } from "./mul.ts";
import { sub } from "./sub.ts";
import { sum } from "./sum.ts";

export interface SoftmaxOptions {
  /** Axis along which the results add up to 1; default the last. */
  readonly axis?: number;
}

export interface SoftmaxAttrs {
  readonly axis: number;
}

/** Elements of a line from which on maximum and sum are done in parts, not by one thread. */
const LONG_LINE = 512;

export function isLongLine({ shape, attrs }: ChoiceContext<"y", SoftmaxAttrs>): boolean {
  return shape.y[attrs.axis]! >= LONG_LINE;
}

/** The kernel of one thread a line; `result` gives y from x − max and the sum of exponentials. */
export function softmaxKernel(result?: string): Kernel<"x", "y", SoftmaxAttrs> {
  return {
    name: "softmax",
    wgsl: forwardWgsl,
    layouts: { x: "any", y: "like x" },
    launch: ({ physical, attrs: { axis } }) => {
      const { shape, strides } = physical.x;
      const kept = fourAxes(axesOf([physical.x], others(shape.length, axis)));
      const lines = numel(shape) / shape[axis]!;
      return {
        grid: linearGrid(ceilDiv(lines, 64)),
        const: {
          COUNT: lines,
          LENGTH: shape[axis]!,
          STRIDE: strides[axis]!,
          ...sizeConsts("KEPT", kept),
          ...strideConsts("KEPT", kept),
        },
        ...(result && { hook: { result } }),
      };
    },
  };
}

/** The kernel of the gradient; hooks for the logarithm's. */
export function softmaxBackwardKernel(
  hook?: Readonly<Record<"term" | "result", string>>,
): Kernel<"y" | "dy", "dx", SoftmaxAttrs> {
  return {
    name: "softmax_backward",
    wgsl: backwardWgsl,
    layouts: { y: "any", dy: "any", dx: "like y" },
    launch: ({ physical: { y, dy }, attrs: { axis } }: LaunchContext<"y" | "dy" | "dx", SoftmaxAttrs>) => {
      const kept = fourAxes(axesOf([y, dy], others(y.shape.length, axis)));
      const lines = numel(y.shape) / y.shape[axis]!;
      return {
        grid: linearGrid(ceilDiv(lines, 64)),
        const: {
          COUNT: lines,
          LENGTH: y.shape[axis]!,
          Y_STRIDE: y.strides[axis]!,
          DY_STRIDE: dy.strides[axis]!,
          ...sizeConsts("KEPT", kept),
          ...strideConsts("Y", kept, 0),
          ...strideConsts("DY", kept, 1),
        },
        ...(hook && { hook }),
      };
    },
  };
}

function others(rank: number, axis: number): number[] {
  return Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis);
}

const op = defineOp<"x", "y", SoftmaxAttrs>({
  name: "softmax",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  lowerings: [
    {
      name: "parts",
      when: isLongLine,
      parts: ({ x }, { axis }) => {
        const line = { axes: [axis], keepDims: true };
        const powers = exp(sub(x, max(x, line)));
        return { y: div(powers, sum(powers, line)) };
      },
    },
    softmaxKernel(),
  ],
  gradient: ({ out: { y }, dy, attrs }) => ({ x: backward({ y, dy }, attrs).dx }),
  cost: ({ shape }) => ({ flops: 5 * numel(shape.x) }),
});

const backward = defineOp<"y" | "dy", "dx", SoftmaxAttrs>({
  name: "softmax_backward",
  inputs: ["y", "dy"],
  outputs: ["dx"],
  shape: ({ y }) => ({ dx: y }),
  lowerings: [
    {
      name: "parts",
      when: isLongLine,
      parts: ({ y, dy }, { axis }) => ({
        dx: mul(y, sub(dy, sum(mul(y, dy), { axes: [axis], keepDims: true }))),
      }),
    },
    softmaxBackwardKernel(),
  ],
  gradient: { none: "gradients of gradients are not supported" },
  cost: ({ shape }) => ({ flops: 4 * numel(shape.y) }),
});

/**
 * Softmax along one axis.   y_i = e^(x_i − m) / Σ_j e^(x_j − m), m = max x
 * Shapes  x any but a scalar; y as x
 * Errors  ShapeError for an axis out of range
 */
export function softmax(x: Value, { axis = -1 }: SoftmaxOptions = {}): Value {
  checkFloats({ name: "softmax" }, { x });
  return op({ x }, { axis: resolveAxis("softmax", axis, x.shape.length) }).y;
}
