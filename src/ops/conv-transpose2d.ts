import { ShapeError } from "../core/errors.ts";
import { dims4, formatShape, numel, type Shape } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import {
  type Conv2dOptions,
  type ConvAttrs,
  checkGroups,
  convAttrs,
  type Pair,
  pairOption,
  shapesText,
  weightDims,
} from "./conv-geometry.ts";
import { conv2dForward, withBias } from "./conv2d.ts";
import { conv2dBackwardInput } from "./conv2d-backward-input.ts";
import { conv2dBackwardWeight } from "./conv2d-backward-weight.ts";

/** Options of convTranspose2d; `stride`, `padding` and `dilation` are those of the convolution it is the gradient of. */
export interface ConvTranspose2dOptions extends Conv2dOptions {
  /** Rows and columns added at the bottom and the right, fewer than stride or dilation; default 0. */
  readonly outputPadding?: Pair;
}

interface TransposeAttrs extends ConvAttrs {
  readonly extraH: number;
  readonly extraW: number;
}

const NAME = "conv_transpose2d";

function transposeShape(x: Shape, weight: Shape, attrs: TransposeAttrs): number[] {
  const op = "convTranspose2d";
  const [n, c, h, w] = dims4(op, x);
  const [weightC, groupK, r, s] = weightDims(op, weight);
  checkGroups(op, "input channels", c, attrs.groups, x, weight);
  if (c !== weightC) {
    throw new ShapeError({
      op,
      problem: "input channels",
      expected: `${weightC} (weight's first size)`,
      got: `${c} (x's C)`,
      shapes: shapesText(x, weight),
      fix: "give weight the shape [C, K/groups, R, S]",
    });
  }
  const { pad } = attrs;
  const p = (h - 1) * attrs.strideH - pad.top - pad.bottom + attrs.dilationH * (r - 1) + attrs.extraH + 1;
  const q = (w - 1) * attrs.strideW - pad.left - pad.right + attrs.dilationW * (s - 1) + attrs.extraW + 1;
  if (p < 1 || q < 1) {
    throw new ShapeError({
      op,
      problem: "padding cuts the whole output away",
      expected: "an output of at least [1, 1]",
      got: formatShape([p, q]),
      shapes: shapesText(x, weight),
      fix: "use less padding or a larger kernel",
    });
  }
  return [n, groupK * attrs.groups, p, q];
}

const op = defineOp<"x" | "weight", "y", TransposeAttrs>({
  name: NAME,
  inputs: ["x", "weight"],
  outputs: ["y"],
  shape: ({ x, weight }, attrs) => ({ y: transposeShape(x, weight, attrs) }),
  lowerings: [
    {
      name: "input_gradient",
      parts: ({ x, weight }, attrs) => {
        const [, , height, width] = transposeShape(x.shape, weight.shape, attrs);
        const { dx } = conv2dBackwardInput({ dy: x, weight }, { ...attrs, height: height!, width: width! });
        return { y: dx };
      },
    },
  ],
  // The transposed convolution is the adjoint of a convolution: its gradients are that convolution and its own.
  gradient: ({ in: { x, weight }, dy, attrs, needs }) => ({
    x: needs.x && conv2dForward({ x: dy, weight }, cropped(attrs)).y,
    weight:
      needs.weight &&
      conv2dBackwardWeight(
        { x: dy, dy: x },
        { ...attrs, kernelH: weight.shape[2]!, kernelW: weight.shape[3]! },
      ).dweight,
  }),
  cost: ({ shape }) => ({ flops: (2 * numel(shape.x) * numel(shape.weight)) / shape.weight[0]! }),
});

/** The convolution whose output is exactly x: rows that output padding added do not make another window. */
function cropped({ extraH, extraW, ...attrs }: TransposeAttrs): ConvAttrs {
  const { top, left, bottom, right } = attrs.pad;
  return { ...attrs, pad: { top, left, bottom: bottom - extraH, right: right - extraW } };
}

/** Errors  ShapeError for an output padding that reaches another window */
function checkOutputPadding([extraH, extraW]: readonly [number, number], attrs: ConvAttrs): void {
  const limits = [
    Math.max(attrs.strideH, attrs.dilationH),
    Math.max(attrs.strideW, attrs.dilationW),
  ] as const;
  if (extraH < limits[0] && extraW < limits[1]) return;
  throw new ShapeError({
    op: "convTranspose2d",
    problem: "outputPadding",
    expected: `less than the larger of stride and dilation, [${limits.join(", ")}]`,
    got: formatShape([extraH, extraW]),
    fix: "use less output padding, or a larger stride",
  });
}

/**
 * Transposed 2-D convolution: the input gradient of conv2d as a layer.
 * y[n, k, h·stride − pad + r·dilation, …] = bias[k] + Σ x[n,c,h,w] · weight[c,k,r,s]
 * Shapes  x [N, C, H, W]; weight [C, K/groups, R, S]; bias [K] or null;
 *         y [N, K, P, Q], P = (H − 1)·stride − pads + dilation·(R − 1) + outputPadding + 1
 * Errors  ShapeError for ranks, channels, groups or options that do not fit, or an empty output
 * Source  Dumoulin and Visin 2016 (arXiv:1603.07285) §4
 */
export function convTranspose2d(
  x: Value,
  weight: Value,
  bias: Value | null,
  options: ConvTranspose2dOptions = {},
): Value {
  const attrs = convAttrs("convTranspose2d", options);
  const extra = pairOption("convTranspose2d", "outputPadding", options.outputPadding ?? 0, 0);
  checkOutputPadding(extra, attrs);
  const { y } = op({ x, weight }, { ...attrs, extraH: extra[0], extraW: extra[1] });
  return withBias("convTranspose2d", y, bias);
}
