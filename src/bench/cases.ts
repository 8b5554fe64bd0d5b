import type { Shape } from "../core/shape.ts";
import type { ConvSize, Workload } from "./workload.ts";

/** One row of the bench. */
export interface BenchCase {
  /** As `--only` matches it. */
  readonly name: string;
  readonly group: "step" | "kernel";
  /** What limits it: arithmetic (GFLOP/s are printed) or memory (GB/s). */
  readonly bound: "flops" | "bytes";
  readonly workload: Workload;
  /** Times as fast as jax-js and tfjs that a medium has to be ("must"), and jax-js for a great one ("aim"). */
  readonly goal?: { readonly jax: number; readonly tfjs: number; readonly aim: number };
}

const CONV: ConvSize = { batch: 32, channels: 32, height: 28, width: 28, filters: 64, kernel: 3 };
const FIRST_DIGITS: ConvSize = { batch: 64, channels: 1, height: 28, width: 28, filters: 8, kernel: 3 };
const FIRST_COLOUR: ConvSize = { batch: 32, channels: 3, height: 32, width: 32, filters: 16, kernel: 3 };
const BLOCK: ConvSize = { batch: 8, channels: 32, height: 32, width: 32, filters: 64, kernel: 3 };
const ACTIVATION: Shape = [64, 32, 28, 28];

function step(
  name: string,
  workload: Extract<Workload, { kind: "step" }>,
  goal: BenchCase["goal"],
): BenchCase {
  return { name, group: "step", bound: "flops", workload, ...(goal && { goal }) };
}

function kernel(
  name: string,
  bound: BenchCase["bound"],
  workload: Workload,
  goal?: BenchCase["goal"],
): BenchCase {
  return { name, group: "kernel", bound, workload, ...(goal && { goal }) };
}

function conv(
  name: string,
  size: ConvSize,
  pass: "forward" | "inputGradient" | "filterGradient",
  goal?: BenchCase["goal"],
) {
  return kernel(name, "flops", { kind: "conv", pass, ...size }, goal);
}

/** All cases in the order they run. */
export const CASES: readonly BenchCase[] = [
  step(
    "mnist-mlp step",
    { kind: "step", model: "mlp", batch: 128, input: [1, 28, 28] },
    { jax: 2.6, tfjs: 12, aim: 3.5 },
  ),
  step(
    "mnist-cnn step",
    { kind: "step", model: "cnn", batch: 64, input: [1, 28, 28] },
    { jax: 5, tfjs: 65, aim: 8 },
  ),
  step("book net step", { kind: "step", model: "book", batch: 64, input: [1, 28, 28] }, undefined),
  step(
    "resnet8-cifar step",
    { kind: "step", model: "resnet8", batch: 32, input: [3, 32, 32] },
    { jax: 6, tfjs: 45, aim: 9 },
  ),
  kernel(
    "conv block 32->64 8x32x32",
    "flops",
    { kind: "convBlock", ...BLOCK },
    { jax: 5.5, tfjs: 40, aim: 8 },
  ),
  kernel("matmul 512", "flops", { kind: "matmul", m: 512, n: 512, k: 512 }, { jax: 2, tfjs: 7, aim: 2.5 }),
  kernel(
    "matmul 1024",
    "flops",
    { kind: "matmul", m: 1024, n: 1024, k: 1024 },
    { jax: 2, tfjs: 7, aim: 2.5 },
  ),
  kernel("matmul 128x1568x256", "flops", { kind: "matmul", m: 128, k: 1568, n: 256 }),
  conv("conv forward 32->64", CONV, "forward", { jax: 4, tfjs: 12, aim: 6 }),
  conv("conv input gradient 32->64", CONV, "inputGradient", { jax: 4, tfjs: 5.5, aim: 6 }),
  conv("conv filter gradient 32->64", CONV, "filterGradient", { jax: 5, tfjs: 32, aim: 8 }),
  conv("first conv forward 1->8", FIRST_DIGITS, "forward"),
  conv("first conv filter gradient 1->8", FIRST_DIGITS, "filterGradient", { jax: 8, tfjs: 8, aim: 15 }),
  conv("first conv forward 3->16", FIRST_COLOUR, "forward"),
  conv("first conv filter gradient 3->16", FIRST_COLOUR, "filterGradient", { jax: 8, tfjs: 8, aim: 15 }),
  kernel("batch norm", "bytes", { kind: "batchNorm", shape: ACTIVATION }, { jax: 5, tfjs: 150, aim: 6 }),
  kernel(
    "max pool",
    "bytes",
    { kind: "pool", pool: "max", shape: ACTIVATION },
    { jax: 8, tfjs: 10, aim: 13 },
  ),
  kernel(
    "average pool",
    "bytes",
    { kind: "pool", pool: "average", shape: ACTIVATION },
    { jax: 4, tfjs: 10, aim: 6 },
  ),
  kernel(
    "cross-entropy 256x10",
    "bytes",
    { kind: "crossEntropy", batch: 256, classes: 10 },
    { jax: 4, tfjs: 40, aim: 6 },
  ),
  kernel(
    "cross-entropy 256x1000",
    "bytes",
    { kind: "crossEntropy", batch: 256, classes: 1000 },
    { jax: 6, tfjs: 15, aim: 10 },
  ),
  kernel("activation statistics", "bytes", { kind: "statistics", shape: ACTIVATION }),
  kernel("sgd with momentum, 1M", "bytes", { kind: "optimizer", rule: "sgd", count: 1 << 20 }),
  kernel("adam, 1M", "bytes", { kind: "optimizer", rule: "adam", count: 1 << 20 }),
];

/** Cases whose name a pattern finds. */
export function selectCases(only: RegExp | null): readonly BenchCase[] {
  return only ? CASES.filter(({ name }) => only.test(name)) : CASES;
}
