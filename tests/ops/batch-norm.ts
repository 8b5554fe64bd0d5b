import { batchNorm } from "../../src/ops/index.ts";
import { batchNormReference } from "../reference/norm.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";

interface Options {
  readonly x?: Omit<InputSpec, "shape">;
  readonly weight?: boolean;
  readonly bias?: boolean;
  /** Running mean and variance: "drawn", or the zeros and ones a model starts from. */
  readonly running?: "drawn" | "initial" | "none";
  readonly batches?: number;
  readonly momentum?: number | null;
  readonly eps?: number;
  readonly mode?: "train" | "eval";
}

function runningSpecs(channels: number, running: "drawn" | "initial" | "none"): Record<string, InputSpec> {
  if (running === "none") {
    return {};
  }
  const common = { shape: [channels], gradient: false } as const;
  const constant = (value: number): InputSpec => ({
    ...common,
    fill: "values",
    values: new Array<number>(channels).fill(value),
  });
  return running === "initial"
    ? { runningMean: constant(0), runningVar: constant(1) }
    : {
        runningMean: { ...common, scale: 0.5 },
        runningVar: { ...common, fill: "uniform", low: 0.5, high: 2 },
      };
}

function batchNormCase(name: string, shape: readonly number[], options: Options = {}): OpCase {
  const { weight = true, bias = true, running = "drawn", batches, momentum, eps, mode = "train" } = options;
  const channels = shape[1] ?? 1;
  const state: Record<string, InputSpec> = {
    ...runningSpecs(channels, running),
    ...(batches !== undefined && {
      numBatchesTracked: { shape: [], fill: "values", values: [batches], dtype: "i32", gradient: false },
    }),
  };
  return {
    op: "batchNorm",
    name: `${name}: ${shape.join("x")} ${mode}`,
    inputs: {
      x: { shape, ...options.x },
      ...(weight && { weight: { shape: [channels], shift: 1, scale: 0.5 } }),
      ...(bias && { bias: { shape: [channels] } }),
      ...state,
    },
    attrs: {
      training: mode === "train",
      ...(momentum !== undefined && { momentum }),
      ...(eps !== undefined && { eps }),
    },
    mode,
    run: ({ x, ...parameters }, { training: _, ...settings }) => ({
      y: batchNorm(x!, parameters, settings),
    }),
    reference: batchNormReference,
    state: Object.keys(state),
  };
}

const bare = { weight: false, bias: false, running: "none" } as const;
const shape = [3, 5, 7, 5] as const;

/** Twelve numbers a channel, the middle channel all alike. */
const zeroVariance = Array.from({ length: 36 }, (_, i) =>
  Math.floor(i / 6) % 3 === 1 ? 0.7 : Math.sin(3 * i) + 0.1 * i,
);

const training: OpCase[] = [
  batchNormCase("everything given", shape, { batches: 7 }),
  batchNormCase("no counter", shape),
  batchNormCase("no affine", shape, { weight: false, bias: false }),
  batchNormCase("weight only", shape, { bias: false }),
  batchNormCase("bias only", shape, { weight: false }),
  batchNormCase("no running statistics", shape, { running: "none" }),
  batchNormCase("nothing but x", shape, bare),
  batchNormCase("momentum 0.3", shape, { momentum: 0.3, batches: 2 }),
  batchNormCase("momentum 1 keeps only the batch", shape, { momentum: 1 }),
  batchNormCase("momentum 0 keeps only the past", shape, { momentum: 0 }),
  batchNormCase("cumulative average, first batch", shape, { momentum: null, batches: 0, running: "initial" }),
  batchNormCase("cumulative average, sixth batch", shape, { momentum: null, batches: 5 }),
  batchNormCase("first step", shape, { running: "initial", batches: 0 }),
  batchNormCase("mean 1e4, deviation 1", shape, { x: { shift: 1e4 }, batches: 3 }),
  batchNormCase("mean 1e4, deviation 1, first step", shape, {
    x: { shift: 1e4 },
    running: "initial",
    batches: 0,
  }),
  batchNormCase("mean -1e4, deviation 0.1, nothing but x", shape, {
    ...bare,
    x: { shift: -1e4, scale: 0.1 },
  }),
  batchNormCase("deviation 1e3", shape, { x: { scale: 1e3 } }),
  batchNormCase("deviation 1e-3, where eps counts", shape, { x: { scale: 1e-3 } }),
  batchNormCase("eps 1e-3", shape, { eps: 1e-3 }),
  batchNormCase("eps 0.5", shape, { eps: 0.5 }),
  batchNormCase("zero variance in one channel", [2, 3, 2, 3], {
    x: { fill: "values", values: zeroVariance },
  }),
  batchNormCase("two values a channel", [2, 4, 1, 1]),
  batchNormCase("two values a channel, one example", [1, 7, 1, 2]),
  batchNormCase("three values a channel", [3, 5, 1, 1]),
  batchNormCase("one channel", [2, 1, 5, 7], { batches: 1 }),
  batchNormCase("sixteen channels", [2, 16, 3, 5]),
  batchNormCase("seventeen channels", [3, 17, 1, 7]),
  batchNormCase("more elements than one partial sum holds", [3, 4, 17, 19]),
  batchNormCase("rank 2", [5, 7], { batches: 4 }),
  batchNormCase("rank 2, two examples", [2, 17]),
  batchNormCase("rank 2, mean 1e4", [33, 3], { x: { shift: 1e4 } }),
  batchNormCase("rank 3", [3, 5, 11], { momentum: 0.3 }),
  batchNormCase("rank 3, nothing but x", [2, 12, 1], bare),
];

const evaluation: OpCase[] = [
  batchNormCase("everything given", shape, { mode: "eval", batches: 7 }),
  batchNormCase("no affine", shape, { mode: "eval", weight: false, bias: false }),
  batchNormCase("weight only", shape, { mode: "eval", bias: false }),
  batchNormCase("statistics of the batch where none run", shape, { mode: "eval", running: "none" }),
  batchNormCase("mean 1e4 against a running mean near 0", shape, { mode: "eval", x: { shift: 1e4 } }),
  batchNormCase("eps 1e-3", shape, { mode: "eval", eps: 1e-3 }),
  batchNormCase("one value a channel", [1, 6, 1, 1], { mode: "eval" }),
  batchNormCase("rank 2", [5, 7], { mode: "eval" }),
  batchNormCase("rank 3", [3, 5, 11], { mode: "eval" }),
];

export const cases: OpCase[] = [...training, ...evaluation];
