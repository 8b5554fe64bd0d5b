import { physical as place } from "../core/layout.ts";
import { ceilDiv, dims4, numel, type Shape } from "../core/shape.ts";
import { type ChoiceContext, defineOp, type Target } from "../graph/define.ts";
import { hasQuads, hasWorkgroupTiles } from "../graph/target.ts";
import type { Value } from "../graph/value.ts";
import { addSplits } from "./add-splits.ts";
import {
  kernels,
  type Names,
  type RangeAttrs,
  type Shapes,
  tiling,
  type WeightGradientAttrs,
  weightLayout,
  weightShape,
} from "./conv2d-weight-kernels.ts";
import { winogradKernelGradient } from "./winograd.ts";

/**
 * Rows of output pixels per copy of the gradient: as many copies as bring `wanted` threads, as long as every thread keeps
 * 64 pixels and the copies are smaller than what the kernel reads.
 */
function rowsPerRange(shape: Shapes, attrs: WeightGradientAttrs, wanted: number): number {
  const [n, , p, q] = dims4("conv2d_backward_weight", shape.dy);
  const { size } = place(weightShape(shape, attrs), weightLayout(shape, attrs));
  const { threads, tileR } = tiling(shape, attrs);
  const copies = Math.min(
    ceilDiv(wanted * tileR, threads),
    Math.floor((n * p * q) / 64),
    Math.floor((numel(shape.x) + numel(shape.dy)) / (2 * size)),
    n * p,
  );
  return ceilDiv(n * p, Math.max(1, copies));
}

function flops({ shape, attrs }: { shape: Readonly<Record<Names, Shape>>; attrs: WeightGradientAttrs }) {
  return { flops: (2 * numel(shape.dy) * numel(weightShape(shape, attrs))) / shape.dy[1]! };
}

const partialOp = defineOp<"x" | "dy", "dweight", RangeAttrs>({
  name: "conv2d_backward_weight_ranges",
  inputs: ["x", "dy"],
  outputs: ["dweight"],
  shape: (shape, attrs) => {
    const weight = weightShape(shape, attrs);
    const { size } = place(weight, weightLayout(shape, attrs));
    return { dweight: [ceilDiv(shape.dy[0]! * shape.dy[2]!, attrs.rows), size] };
  },
  lowerings: kernels(true),
  gradient: { none: "gradients of gradients are not supported" },
  cost: flops,
});

/** Sums over ranges of rows, as many as bring `threads` threads, added by a second pass. */
function ranges(name: string, threads: number, suits: (target: Target) => boolean = () => true) {
  return {
    name,
    when: ({ shape, attrs }: ChoiceContext<Names, WeightGradientAttrs>) =>
      rowsPerRange(shape, attrs, threads) < shape.dy[0]! * shape.dy[2]!,
    suits: ({ target }: ChoiceContext<Names, WeightGradientAttrs>) => suits(target),
    parts: ({ x, dy }: Record<"x" | "dy", Value>, attrs: WeightGradientAttrs) => {
      const shape = { x: x.shape, dy: dy.shape };
      const rows = rowsPerRange(shape, attrs, threads);
      const { dweight } = partialOp({ x, dy }, { ...attrs, rows });
      return { dweight: addSplits(dweight, weightShape(shape, attrs), weightLayout(shape, attrs)) };
    },
  };
}

/**
 * Gradient of conv2d with respect to its weight.
 * dweight[k,c,r,s] = Σ_n,p,q x[n, c, p·stride − pad + r·dilation, …] · dy[n,k,p,q]
 * With many pixels and few weights the sum is split over ranges of rows, and a second pass adds the ranges in order.
 * Shapes  x [N, C, H, W]; dy [N, K, P, Q]; dweight [K, C/groups, kernelH, kernelW]
 * Source  Chetlur et al. 2014 (arXiv:1410.0759) §3
 */
export const conv2dBackwardWeight = defineOp<"x" | "dy", "dweight", WeightGradientAttrs>({
  name: "conv2d_backward_weight",
  inputs: ["x", "dy"],
  outputs: ["dweight"],
  shape: (shape, attrs) => ({ dweight: weightShape(shape, attrs) }),
  lowerings: [
    winogradKernelGradient.default,
    ranges("ranges_few", 512, hasQuads),
    ranges("ranges_many", 65_536, hasWorkgroupTiles),
    ranges("ranges", 4096),
    ...kernels(false),
    winogradKernelGradient.tried,
    winogradKernelGradient.kept,
  ],
  gradient: { none: "gradients of gradients are not supported" },
  cost: flops,
});
