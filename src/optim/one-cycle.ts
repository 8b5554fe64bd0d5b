import { OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import type { Hypers } from "./hyper-schedules.ts";
import { cosineBetween, linearBetween } from "./schedule.ts";

export interface OneCycleOptions {
  readonly totalSteps: number;
  readonly lrMax: number;
  /** First lr = lrMax/div. Default 25. */
  readonly div?: number;
  /** Last lr = lrMax/divFinal (fastai, default 1e5), or lrMax/(div·divFinal) (torch, default 1e4). */
  readonly divFinal?: number;
  /** Share of the steps in which lr rises. Default 0.25 (fastai), 0.3 (torch). */
  readonly pctStart?: number;
  /** Momentum at the start, the peak of lr, and the end. Default [0.95, 0.85, 0.95]. */
  readonly momentum?: readonly [number, number, number];
  /** "fastai": position step/totalSteps; "torch": phases end exactly on steps, as in OneCycleLR. Default "fastai". */
  readonly indexing?: "fastai" | "torch";
  /** Shape of both phases in torch's indexing. Default "cos". */
  readonly anneal?: "cos" | "linear";
  /** torch's three phases: up, down the same way, then to the final lr. Default false. */
  readonly threePhase?: boolean;
}

/**
 * One-cycle: lr up over `pctStart` of the steps and down over the rest, momentum the other way round.
 * Units   lr per step; momentum dimensionless
 * Errors  OptionError if totalSteps is not a positive integer or pctStart is not in [0, 1]
 * Source  Smith & Topin 2018 (arXiv:1708.07120); fastai `fit_one_cycle`; torch.optim.lr_scheduler.OneCycleLR
 */
export function oneCycle(options: OneCycleOptions): (step: number) => Hypers {
  knownOptions("oneCycle", options, {
    ...{ totalSteps: true, lrMax: true, div: true, divFinal: true, pctStart: true, momentum: true },
    ...{ indexing: true, anneal: true, threePhase: true },
  });
  const { totalSteps, lrMax, indexing = "fastai", momentum = [0.95, 0.85, 0.95] } = options;
  const pctStart = options.pctStart ?? (indexing === "fastai" ? 0.25 : 0.3);
  checkOneCycle(totalSteps, lrMax, pctStart);
  if (indexing === "torch") return torchOneCycle(options, pctStart, momentum);
  const { div = 25, divFinal = 1e5 } = options;
  return (step) => {
    const position = step / totalSteps;
    if (position < pctStart) {
      const p = position / pctStart;
      return {
        lr: cosineBetween(lrMax / div, lrMax, p),
        momentum: cosineBetween(momentum[0], momentum[1], p),
      };
    }
    const p = pctStart < 1 ? (position - pctStart) / (1 - pctStart) : 1;
    return {
      lr: cosineBetween(lrMax, lrMax / divFinal, p),
      momentum: cosineBetween(momentum[1], momentum[2], p),
    };
  };
}

function checkOneCycle(totalSteps: number, lrMax: number, pctStart: number): void {
  const op = "oneCycle";
  if (!Number.isInteger(totalSteps) || totalSteps < 1) {
    throw new OptionError({
      op,
      problem: "totalSteps",
      expected: "a positive integer",
      got: `${totalSteps}`,
    });
  }
  if (!(lrMax >= 0)) {
    throw new OptionError({ op, problem: "lrMax", expected: "a number of at least 0", got: `${lrMax}` });
  }
  if (!(pctStart >= 0 && pctStart <= 1)) {
    throw new OptionError({ op, problem: "pctStart", expected: "a share from 0 to 1", got: `${pctStart}` });
  }
}

interface TorchPhase {
  readonly end: number;
  readonly lr: readonly [number, number];
  readonly momentum: readonly [number, number];
}

function torchOneCycle(
  options: OneCycleOptions,
  pctStart: number,
  [first, peak, last]: readonly [number, number, number],
): (step: number) => Hypers {
  const { totalSteps, lrMax, div = 25, divFinal = 1e4, anneal = "cos", threePhase = false } = options;
  const initial = lrMax / div;
  const final = initial / divFinal;
  const up: TorchPhase = { end: pctStart * totalSteps - 1, lr: [initial, lrMax], momentum: [first, peak] };
  const phases: TorchPhase[] = threePhase
    ? [
        up,
        { end: 2 * pctStart * totalSteps - 2, lr: [lrMax, initial], momentum: [peak, last] },
        { end: totalSteps - 1, lr: [initial, final], momentum: [last, last] },
      ]
    : [up, { end: totalSteps - 1, lr: [lrMax, final], momentum: [peak, last] }];
  const between = anneal === "cos" ? cosineBetween : linearBetween;
  return (step) => {
    const index = phases.findIndex((phase, i) => step <= phase.end || i === phases.length - 1);
    const phase = phases[index]!;
    const start = index === 0 ? 0 : phases[index - 1]!.end;
    // A phase of no length (torch divides by zero there) is at its end.
    const p = phase.end === start ? 1 : (step - start) / (phase.end - start);
    return { lr: between(...phase.lr, p), momentum: between(...phase.momentum, p) };
  };
}
