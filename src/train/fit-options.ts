import { OptionError } from "../core/errors.ts";
import { knownOptions, type OptionNames } from "../core/known-options.ts";
import {
  type HyperSchedules,
  type HyperValue,
  overSteps,
  perGroup,
  type Rates,
  type StepSchedule,
  spreadRates,
} from "../optim/hyper-schedules.ts";
import { type OneCycleOptions, oneCycle } from "../optim/one-cycle.ts";
import { flatCosine, warmRestarts } from "../optim/schedule.ts";
import type { Learner } from "./learner.ts";

/** lr where none is given. Source  fastai Learner(lr=1e-3) */
const DEFAULT_LR = 1e-3;

/** Hyper-parameters beside lr and momentum; what is absent is the optimizer's own. */
export interface OtherHypers {
  readonly weightDecay?: HyperValue;
  /** Of Adam. */
  readonly beta2?: HyperValue;
  /** Of Adam. */
  readonly eps?: HyperValue;
  /** Of SGD. */
  readonly dampening?: HyperValue;
}

const OTHERS: OptionNames<OtherHypers> = { weightDecay: true, beta2: true, eps: true, dampening: true };

interface FitHypers extends OtherHypers {
  /** Of Adam: beta1. Default the optimizer's own. */
  readonly momentum?: HyperValue;
  /** Position of step k of N: k/N ("fastai", the default) or k/(N − 1) ("torch"). */
  readonly indexing?: "fastai" | "torch";
}

interface FitRate {
  /** A number, a schedule of the position in the fit, a range over the parameter groups, or one for each of them. */
  readonly lr: HyperValue;
  readonly schedule?: never;
}

interface FitSchedule {
  /** Everything at once, by step of the fit: oneCycle(...), cyclic(...) or one's own. */
  readonly schedule: StepSchedule;
  readonly lr?: never;
}

/** Options of `fit`: an lr, or a schedule of all. */
export type FitOptions = FitHypers & (FitRate | FitSchedule);

/** The schedule that `fit` follows. Errors  OptionError for numbers out of range, unknown options, or no lr at all */
export function fitSchedule(learner: Learner, epochs: number, options: FitOptions): StepSchedule {
  knownOptions("fit", options, {
    ...OTHERS,
    ...{ lr: true, momentum: true, schedule: true, indexing: true },
  } as const);
  const { schedule, indexing = "fastai", ...hypers } = options;
  checkEpochs("fit", epochs);
  if ((hypers.lr === undefined) === (schedule === undefined)) {
    throw new OptionError({
      op: "fit",
      problem: "learning rate",
      expected: "lr or schedule",
      got: schedule ? "both" : "neither",
    });
  }
  if (typeof hypers.lr === "number" && !(hypers.lr >= 0)) {
    throw new OptionError({
      op: "fit",
      problem: "lr",
      expected: "a number of at least 0",
      got: `${hypers.lr}`,
    });
  }
  const rest = overSteps(hypers, {
    totalSteps: stepsOf(learner, epochs),
    groups: groupCount(learner),
    indexing,
  });
  return schedule ? (step) => ({ ...schedule(step), ...rest(step) }) : rest;
}

/** Options of `fitOneCycle`; the defaults are fastai's. */
export interface OneCycleFitOptions extends Omit<OneCycleOptions, "totalSteps" | "lrMax">, OtherHypers {
  /** Peak; over groups a range or one for each. Default 1e-3. */
  readonly lrMax?: Rates;
}

export function oneCycleSchedule(
  learner: Learner,
  epochs: number,
  { lrMax = DEFAULT_LR, ...options }: OneCycleFitOptions,
): StepSchedule {
  const op = "fitOneCycle";
  checkEpochs(op, epochs);
  const { kind, velocity } = learner.optimizer;
  const { weightDecay, beta2, eps, dampening, ...shape } = options;
  if (kind === "sgd" && !velocity && (shape.momentum ?? [0.95]).some((momentum) => momentum !== 0)) {
    throw new OptionError({
      op,
      problem: "momentum of the optimizer",
      expected: "a buffer for the momentum that one-cycle sets",
      got: "none: sgd({ momentum: 0 })",
      fix: "leave momentum out of sgd(), or pass momentum: [0, 0, 0]",
    });
  }
  const totalSteps = stepsOf(learner, epochs);
  const rates = spreadRates(lrMax, groupCount(learner), op);
  const cycles = (isSame(rates) ? rates.slice(0, 1) : rates).map((rate) =>
    oneCycle({ ...shape, totalSteps, lrMax: rate }),
  );
  return withOthers(learner, epochs, { weightDecay, beta2, eps, dampening }, perGroup(cycles));
}

/** Options of `fitFlatCos`; the defaults are fastai's. */
export interface FlatCosOptions extends OtherHypers {
  /** lr of the flat part. Default 1e-3. */
  readonly lr?: Rates;
  /** Last lr = lr/divFinal. Default 1e5. */
  readonly divFinal?: number;
  /** Share of the steps at the flat lr. Default 0.75. */
  readonly pctStart?: number;
}

export function flatCosSchedule(learner: Learner, epochs: number, options: FlatCosOptions): StepSchedule {
  knownOptions("fitFlatCos", options, { ...OTHERS, ...{ lr: true, divFinal: true, pctStart: true } });
  checkEpochs("fitFlatCos", epochs);
  const { lr = DEFAULT_LR, divFinal = 1e5, pctStart = 0.75, ...others } = options;
  const rates = spreadRates(lr, groupCount(learner), "fitFlatCos");
  const schedules = rates.map((rate) => flatCosine(rate, rate / divFinal, pctStart));
  return overFit(learner, epochs, { ...others, lr: schedules });
}

/** Options of `fitSgdr`; the defaults are fastai's. */
export interface SgdrOptions extends OtherHypers {
  /** lr at the start of every cycle. Default 1e-3. */
  readonly lrMax?: Rates;
  /** Length of a cycle over that of the one before. Default 2. */
  readonly cycleMult?: number;
}

/** Epochs of all cycles, and the schedule over them. */
export function sgdrSchedule(learner: Learner, cycles: number, cycleLength: number, options: SgdrOptions) {
  const op = "fitSgdr";
  knownOptions(op, options, { ...OTHERS, ...{ lrMax: true, cycleMult: true } });
  checkEpochs(op, cycles, "cycles");
  checkEpochs(op, cycleLength, "epochs of the first cycle");
  const { lrMax = DEFAULT_LR, cycleMult = 2, ...others } = options;
  checkEpochs(op, cycleMult, "cycleMult");
  let epochs = 0;
  for (let i = 0; i < cycles; i++) epochs += cycleLength * cycleMult ** i;
  const rates = spreadRates(lrMax, groupCount(learner), op);
  const shape = { first: cycleLength / epochs, multiplier: cycleMult };
  const lr = rates.map((rate) => warmRestarts(rate, 0, shape));
  return { epochs, schedule: overFit(learner, epochs, { ...others, lr }) };
}

function overFit(learner: Learner, epochs: number, hypers: HyperSchedules): StepSchedule {
  return overSteps(hypers, { totalSteps: stepsOf(learner, epochs), groups: groupCount(learner) });
}

function withOthers(
  learner: Learner,
  epochs: number,
  others: HyperSchedules,
  schedule: StepSchedule,
): StepSchedule {
  if (Object.values(others).every((value) => value === undefined)) return schedule;
  const rest = overFit(learner, epochs, others);
  return (step) => ({ ...schedule(step), ...rest(step) });
}

function stepsOf(learner: Learner, epochs: number): number {
  return Math.max(1, epochs * learner.stepsPerEpoch);
}

/** Parameter groups, the rest included. */
function groupCount(learner: Learner): number {
  return learner.optimizer.groups.length + 1;
}

function isSame(rates: readonly number[]): boolean {
  return rates.every((rate) => rate === rates[0]);
}

function checkEpochs(op: string, count: number, problem = "epochs"): void {
  if (Number.isInteger(count) && count >= 1) return;
  throw new OptionError({ op, problem, expected: "a positive integer", got: `${count}` });
}
