import { OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import type { Hypers } from "./hyper-schedules.ts";
import { type TriangularOptions, triangular } from "./schedule.ts";

export interface CyclicOptions {
  readonly lrMin: number;
  readonly lrMax: number;
  /** Steps in which lr rises; Smith advises two to ten epochs for a whole cycle. */
  readonly stepsUp: number;
  /** Steps in which it falls; default stepsUp. */
  readonly stepsDown?: number;
  /** Default "triangular". */
  readonly mode?: TriangularOptions["mode"];
  /** For "exp_range": factor of the height per step. Default 1. */
  readonly gamma?: number;
  /** Momentum where lr is lowest and where it is highest. Default [0.9, 0.8]. */
  readonly momentum?: readonly [number, number];
}

/**
 * Triangular cycles of lr by step, momentum against it.
 * Units   lr per step
 * Errors  OptionError for step counts that are not above 0
 * Source  Smith 2017 (arXiv:1506.01186); torch.optim.lr_scheduler.CyclicLR
 */
export function cyclic(options: CyclicOptions): (step: number) => Hypers {
  knownOptions("cyclic", options, {
    ...{ lrMin: true, lrMax: true, stepsUp: true, stepsDown: true, mode: true, gamma: true, momentum: true },
  });
  const { lrMin, lrMax, stepsUp, stepsDown = stepsUp, mode = "triangular", gamma = 1 } = options;
  const [slow, fast] = options.momentum ?? [0.9, 0.8];
  for (const [problem, value] of Object.entries({ stepsUp, stepsDown })) {
    if (value > 0) continue;
    throw new OptionError({ op: "cyclic", problem, expected: "a number above 0", got: `${value}` });
  }
  // A position of 1 is one cycle here, so that step counts stay whole numbers.
  const length = stepsUp + stepsDown;
  const shape: TriangularOptions = {
    up: stepsUp / length,
    down: stepsDown / length,
    mode,
    decay: gamma ** length,
  };
  const lr = triangular(lrMin, lrMax, shape);
  const momentum = triangular(slow, fast, shape);
  return (step) => ({ lr: lr(step / length), momentum: momentum(step / length) });
}
