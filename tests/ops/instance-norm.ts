import { instanceNorm } from "../../src/ops/index.ts";
import { instanceNormReference } from "../reference/norm.ts";
import type { InputSpec, OpCase } from "../reference/types.ts";

interface Options {
  readonly x?: Omit<InputSpec, "shape">;
  readonly weight?: boolean;
  readonly bias?: boolean;
  readonly running?: boolean;
  readonly momentum?: number;
  readonly eps?: number;
  readonly mode?: "train" | "eval";
}

function instanceNormCase(name: string, shape: readonly number[], options: Options = {}): OpCase {
  const { weight = true, bias = true, running = false, momentum, eps, mode = "train" } = options;
  const channels = shape[1] ?? 1;
  const state: Record<string, InputSpec> = running
    ? {
        runningMean: { shape: [channels], scale: 0.5, gradient: false },
        runningVar: { shape: [channels], fill: "uniform", low: 0.5, high: 2, gradient: false },
      }
    : {};
  return {
    op: "instanceNorm",
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
      y: instanceNorm(x!, parameters, settings),
    }),
    reference: instanceNormReference,
    state: Object.keys(state),
  };
}

const shape = [3, 5, 7, 5] as const;

/** The second channel of the first example is constant. */
const constantPlane = Array.from({ length: 24 }, (_, i) => (i >= 6 && i < 12 ? 0.7 : Math.sin(3 * i)));

export const cases: OpCase[] = [
  instanceNormCase("affine", shape),
  instanceNormCase("no affine", shape, { weight: false, bias: false }),
  instanceNormCase("weight only", shape, { bias: false }),
  instanceNormCase("bias only", shape, { weight: false }),
  instanceNormCase("running statistics", shape, { running: true }),
  instanceNormCase("running statistics, momentum 0.3", shape, { running: true, momentum: 0.3 }),
  instanceNormCase("running statistics, mean 1e4", shape, { running: true, x: { shift: 1e4 } }),
  instanceNormCase("running statistics, no affine", shape, { running: true, weight: false, bias: false }),
  instanceNormCase("running statistics", shape, { running: true, mode: "eval" }),
  instanceNormCase("running statistics, no affine", shape, {
    running: true,
    weight: false,
    bias: false,
    mode: "eval",
  }),
  instanceNormCase("statistics of the instance", shape, { mode: "eval" }),
  instanceNormCase("eps 1e-3", shape, { eps: 1e-3 }),
  instanceNormCase("mean 1e4", shape, { x: { shift: 1e4 } }),
  instanceNormCase("deviation 1e-3, where eps counts", shape, { x: { scale: 1e-3 } }),
  instanceNormCase("deviation 1e3", shape, { x: { scale: 1e3 } }),
  instanceNormCase("constant plane", [2, 2, 2, 3], { x: { fill: "values", values: constantPlane } }),
  instanceNormCase("two values a plane", [2, 3, 1, 2]),
  instanceNormCase("two values a plane, running", [2, 4, 2, 1], { running: true }),
  instanceNormCase("one channel", [3, 1, 5, 7]),
  instanceNormCase("seventeen channels", [2, 17, 3, 3], { running: true }),
  instanceNormCase("eight channels, wide", [1, 8, 11, 13]),
  instanceNormCase("rank 3", [3, 5, 11]),
  instanceNormCase("rank 3, running", [2, 4, 7], { running: true }),
  instanceNormCase("rank 3, running", [2, 4, 7], { running: true, mode: "eval" }),
];
