import { numel, type Shape } from "../core/shape.ts";
import type { ModelName } from "../models/index.ts";

/** Sizes of a convolution that keeps height and width: stride 1, padding half the kernel. */
export interface ConvSize {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly filters: number;
  readonly kernel: number;
}

/** A product [m, k] × [k, n]. */
export interface MatmulSize {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** A training step: a model of `src/models`, its batch, the shape of one example. `scale` multiplies the cnn's channels. */
export interface StepSize {
  readonly model: ModelName;
  readonly batch: number;
  readonly input: readonly [channels: number, height: number, width: number];
  readonly scale?: number;
}

/** One computation that we and the peers perform alike; plain data. */
export type Workload =
  | ({ readonly kind: "matmul" } & MatmulSize)
  | ({ readonly kind: "conv"; readonly pass: "forward" | "inputGradient" | "filterGradient" } & ConvSize)
  | ({ readonly kind: "convBlock" } & ConvSize)
  | { readonly kind: "batchNorm"; readonly shape: Shape }
  | { readonly kind: "pool"; readonly pool: "max" | "average"; readonly shape: Shape }
  | { readonly kind: "statistics"; readonly shape: Shape }
  | { readonly kind: "crossEntropy"; readonly batch: number; readonly classes: number }
  | { readonly kind: "optimizer"; readonly rule: "sgd" | "adam"; readonly count: number }
  | ({ readonly kind: "step" } & StepSize);

/** Hyper-parameters of every step and optimizer case. */
export const HYPERS = { lr: 0.05, momentum: 0.9, beta1: 0.9, beta2: 0.999, adamLr: 1e-3, eps: 1e-8 } as const;

/** Classes of the models. */
export const CLASSES = 10;

/** What a computation needs at least: arithmetic, and arrays moved to and from memory. */
export interface WorkloadCost {
  /** Multiply and add counted apart; direct arithmetic, whatever the algorithm. */
  readonly flops: number;
  /** Bytes if every pass touches its arrays once. */
  readonly bytes: number;
}

function convFlops({ batch, channels, height, width, filters, kernel }: ConvSize): number {
  return 2 * batch * filters * height * width * channels * kernel * kernel;
}

function convElements({ batch, channels, height, width, filters, kernel }: ConvSize): number {
  return batch * height * width * (channels + filters) + filters * channels * kernel * kernel;
}

/** Cost of a workload; null for whole steps, whose plan is asked instead. */
export function workloadCost(workload: Workload): WorkloadCost | null {
  switch (workload.kind) {
    case "matmul": {
      const { m, n, k } = workload;
      return { flops: 2 * m * n * k, bytes: 4 * (m * k + k * n + m * n) };
    }
    case "conv":
      return { flops: convFlops(workload), bytes: 4 * convElements(workload) };
    case "convBlock":
      return { flops: 3 * convFlops(workload), bytes: 4 * 4 * convElements(workload) };
    case "batchNorm":
      // Forward reads x for the sums, then x again for y; backward reads x and dy for the sums, then again for dx.
      return { flops: 14 * numel(workload.shape), bytes: 4 * 8 * numel(workload.shape) };
    case "pool":
      // x, y, dy, dx; y and dy have a quarter of the elements.
      return { flops: 2 * numel(workload.shape), bytes: 4 * 2.5 * numel(workload.shape) };
    case "statistics":
      return { flops: 8 * numel(workload.shape), bytes: 4 * numel(workload.shape) };
    case "crossEntropy": {
      const count = workload.batch * workload.classes;
      return { flops: 11 * count, bytes: 4 * 2 * count };
    }
    case "optimizer":
      return workload.rule === "sgd"
        ? { flops: 4 * workload.count, bytes: 4 * 5 * workload.count }
        : { flops: 14 * workload.count, bytes: 4 * 7 * workload.count };
    case "step":
      return null;
  }
}
