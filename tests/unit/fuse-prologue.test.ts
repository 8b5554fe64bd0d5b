import { describe, expect, test } from "vitest";
import { backward } from "../../src/autodiff/backward.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { input } from "../../src/graph/leaf.ts";
import { printGraph } from "../../src/graph/print.ts";
import { trace } from "../../src/graph/trace.ts";
import type { Value } from "../../src/graph/value.ts";
import { add } from "../../src/ops/add.ts";
import { batchNorm } from "../../src/ops/batch-norm.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { exp } from "../../src/ops/exp.ts";
import { globalAvgPool2d } from "../../src/ops/global-avg-pool2d.ts";
import { maxPool2d } from "../../src/ops/max-pool2d.ts";
import { mul } from "../../src/ops/mul.ts";
import { relu } from "../../src/ops/relu.ts";
import { runPasses } from "../../src/passes/index.ts";
import { TARGET } from "./target.ts";

/** The graph of a function of x [2, 4, 4, 4], with the gradient of x if asked, after all passes. */
function optimised(
  body: (x: Value) => Value | Record<string, Value>,
  { gradient = true, target = TARGET } = {},
): Graph {
  const graph = trace("train", () => {
    const x = input("x", [2, 4, 4, 4]);
    const returned = body(x);
    const outputs: Record<string, Value> = "source" in returned ? { y: returned as Value } : { ...returned };
    const y = outputs.y!;
    if (gradient) outputs.dx = backward(new Map([[y, input("dy", y.shape)]]), [x]).get(x)!;
    return { outputs };
  });
  return runPasses(graph, { target, choices: {} });
}

const wide = { ...TARGET, maxStorageBuffersPerShaderStage: 10 };

describe("pointwise values are made where they are read", () => {
  test("relu between batch norm and max pooling, in both directions", () => {
    const graph = optimised((x) => maxPool2d(relu(batchNorm(x)), { kernel: 2 }), { target: wide });
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "%0 [1, 3, 4] = batch_norm_moments(x=x [2, 4, 4, 4])
      %1 [4], %2 [4] = batch_norm_finalise(partials=%0) {positions: 32, chunk: 64, rows: 1, channels: 4, stride: 4, eps: 0.00001}
      %3 [1, 4, 1, 1] = reshape(x=%1) {shape: [1,4,1,1]}
      %4 [1, 4, 1, 1] = reshape(x=%2) {shape: [1,4,1,1]}
      %5 [2, 4, 2, 2] = max_pool2d[x: batch_norm_scale→batch_norm_normalise→relu](x=x [2, 4, 4, 4], f0=%3, f1=%4, f2=1, f3=0) {kernelH: 2, kernelW: 2, strideH: 2, strideW: 2, dilationH: 1, dilationW: 1, pad: {"top":0,"left":0,"bottom":0,"right":0}, ceilMode: false}
      %6 [1, 2, 4] = batch_norm_backward_reduce_windows[x: batch_norm_scale→batch_norm_normalise→relu][dy: batch_norm_scale→batch_norm_normalise→relu→relu_backward](x=x [2, 4, 4, 4], dy=dy [2, 4, 2, 2], mean=%1, rstd=%2, f0=1, f1=0) {kind: "maximum", kernelH: 2, kernelW: 2, strideH: 2, strideW: 2}
      %7 [4], %8 [4] = batch_norm_backward_sum(partials=%6) {positions: 32, chunk: 64, rows: 1, channels: 4, stride: 4}
      %9 [1, 4, 1, 1] = reshape(x=%7) {shape: [1,4,1,1]}
      %10 [1, 4, 1, 1] = reshape(x=%8) {shape: [1,4,1,1]}
      %11 [2, 4, 4, 4] = max_pool2d_backward[x: batch_norm_scale→batch_norm_normalise→relu][→batch_norm_scale→batch_norm_normalise→relu→relu_backward→batch_norm_scale→batch_norm_slope→batch_norm_share→batch_norm_backward](x=x [2, 4, 4, 4], dy=dy [2, 4, 2, 2], f0=%3, f1=%4, f2=1, f3=0, e1=x [2, 4, 4, 4], e2=%3, e3=%4, e4=1, e5=0, e6=%9, e7=%10) {kernelH: 2, kernelW: 2, strideH: 2, strideW: 2, dilationH: 1, dilationW: 1, pad: {"top":0,"left":0,"bottom":0,"right":0}, ceilMode: false}
      output y = %5
      output dx = %11"
    `);
  });

  test("relu between batch norm and the mean of the image", () => {
    expect(printGraph(optimised((x) => globalAvgPool2d(relu(batchNorm(x)))))).toMatchInlineSnapshot(`
      "%0 [1, 3, 4] = batch_norm_moments(x=x [2, 4, 4, 4])
      %1 [4], %2 [4] = batch_norm_finalise(partials=%0) {positions: 32, chunk: 64, rows: 1, channels: 4, stride: 4, eps: 0.00001}
      %3 [1, 4, 1, 1] = reshape(x=%1) {shape: [1,4,1,1]}
      %4 [1, 4, 1, 1] = reshape(x=%2) {shape: [1,4,1,1]}
      %5 [2, 4] = mean[x: batch_norm_scale→batch_norm_normalise→relu](x=x [2, 4, 4, 4], f0=%3, f1=%4, f2=1, f3=0) {axes: [2,3], keepDims: false}
      %6 [2, 4] = mul(a=dy [2, 4], b=0.0625)
      %7 [2, 4, 1, 1] = reshape(x=%6) {shape: [2,4,1,1]}
      %8 [1, 2, 4] = batch_norm_backward_reduce[dy: batch_norm_scale→batch_norm_normalise→relu→identity→relu_backward](x=x [2, 4, 4, 4], dy=x [2, 4, 4, 4], mean=%1, rstd=%2, f0=%7, f1=1, f2=0)
      %9 [4], %10 [4] = batch_norm_backward_sum(partials=%8) {positions: 32, chunk: 64, rows: 1, channels: 4, stride: 4}
      %11 [1, 4, 1, 1] = reshape(x=%9) {shape: [1,4,1,1]}
      %12 [1, 4, 1, 1] = reshape(x=%10) {shape: [1,4,1,1]}
      %13 [2, 4, 4, 4] = batch_norm_scale→batch_norm_normalise→relu→identity→relu_backward→batch_norm_scale→batch_norm_slope→batch_norm_share→batch_norm_backward(v0=x [2, 4, 4, 4], v1=%7, v2=%3, v3=%4, v4=1, v5=0, v6=%11, v7=%12)
      output y = %5
      output dx = %13"
    `);
  });

  test("a value that a convolution reads too is stored; the backward pass does without it", () => {
    const graph = optimised((x) => {
      const weight = input("weight", [4, 4, 3, 3]);
      return conv2d(relu(batchNorm(x)), weight, null, { padding: 1 });
    });
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "%0 [1, 3, 4] = batch_norm_moments(x=x [2, 4, 4, 4])
      %1 [4], %2 [4] = batch_norm_finalise(partials=%0) {positions: 32, chunk: 64, rows: 1, channels: 4, stride: 4, eps: 0.00001}
      %3 [1, 4, 1, 1] = reshape(x=%1) {shape: [1,4,1,1]}
      %4 [1, 4, 1, 1] = reshape(x=%2) {shape: [1,4,1,1]}
      %5 [2, 4, 4, 4] = batch_norm_scale→batch_norm_normalise→relu(v0=x [2, 4, 4, 4], v1=%3, v2=%4, v3=1, v4=0)
      %6 [2, 4, 4, 4] = conv2d(x=%5, weight=weight [4, 4, 3, 3]) {strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, pad: {"top":1,"left":1,"bottom":1,"right":1}, groups: 1}
      %7 [2, 4, 4, 4] = conv2d_backward_input(dy=dy [2, 4, 4, 4], weight=weight [4, 4, 3, 3]) {strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, pad: {"top":1,"left":1,"bottom":1,"right":1}, groups: 1, height: 4, width: 4}
      %8 [1, 2, 4] = batch_norm_backward_reduce[dy: batch_norm_scale→batch_norm_normalise→relu→relu_backward](x=x [2, 4, 4, 4], dy=%7, mean=%1, rstd=%2, f0=1, f1=0)
      %9 [4], %10 [4] = batch_norm_backward_sum(partials=%8) {positions: 32, chunk: 64, rows: 1, channels: 4, stride: 4}
      %11 [1, 4, 1, 1] = reshape(x=%9) {shape: [1,4,1,1]}
      %12 [1, 4, 1, 1] = reshape(x=%10) {shape: [1,4,1,1]}
      %13 [2, 4, 4, 4] = batch_norm_scale→batch_norm_normalise→relu→relu_backward→batch_norm_scale→batch_norm_slope→batch_norm_share→batch_norm_backward(v0=x [2, 4, 4, 4], v1=%7, v2=%3, v3=%4, v4=1, v5=0, v6=%11, v7=%12)
      output y = %6
      output dx = %13"
    `);
  });

  test("a sum of two arrays is not made twice: its readers would read more", () => {
    const graph = optimised(
      (x) => {
        const sum = exp(add(mul(x, 2), input("z", [2, 4, 4, 4])));
        return { y: maxPool2d(sum, { kernel: 2 }), other: maxPool2d(sum, { kernel: 2, stride: 1 }) };
      },
      { gradient: false },
    );
    expect(graph.nodes.map(({ op }) => op.name)).toEqual(["pointwise", "max_pool2d", "max_pool2d"]);
  });

  test("an activation goes into the store of the convolution before it rather than into pooling", () => {
    const graph = optimised(
      (x) => maxPool2d(relu(conv2d(x, input("weight", [4, 4, 3, 3]), null, { padding: 1 })), { kernel: 2 }),
      { gradient: false },
    );
    expect(graph.nodes.map(({ op, epilogue }) => [op.name, epilogue !== undefined])).toEqual([
      ["conv2d", true],
      ["max_pool2d", false],
    ]);
  });

  test("overlapping windows keep their spread gradient", () => {
    const graph = optimised((x) => maxPool2d(relu(batchNorm(x)), { kernel: 3, stride: 1 }), { target: wide });
    const names = graph.nodes.map(({ op }) => op.name);
    expect(names).toContain("batch_norm_backward_reduce");
    expect(names).not.toContain("batch_norm_backward_reduce_windows");
  });

  test("with few bindings the graph stays within them", () => {
    const target = { ...TARGET, maxStorageBuffersPerShaderStage: 8 };
    const graph = optimised((x) => maxPool2d(relu(batchNorm(x)), { kernel: 2 }), { target });
    for (const { inputs, outputs } of graph.nodes) {
      const read = new Set(Object.values(inputs).filter((value) => value.source.kind !== "constant"));
      expect(read.size + Object.keys(outputs).length).toBeLessThanOrEqual(8);
    }
  });
});
