import { OptionError } from "../core/errors.ts";
import type { GroupHypers } from "../core/hypers.ts";
import type { Schedule } from "./schedule.ts";

/** A number that the optimizer takes anew for every step and parameter group. */
export type HyperName = keyof GroupHypers;

export const HYPER_NAMES: readonly HyperName[] = [
  ...(["lr", "momentum", "beta2", "weightDecay", "eps", "dampening"] as const),
];

/** Numbers of one parameter group at one step, free to change until the step is encoded. */
export type GroupNumbers = { -readonly [Name in HyperName]-?: number };

/** lr and momentum of one step. */
export interface Hypers {
  readonly lr: number;
  readonly momentum: number;
}

/** Numbers of one step, each for all groups or one per group; what is absent is the optimizer's own. */
export type StepHypers = { readonly [Name in HyperName]?: number | readonly number[] };

/** Hyper-parameters by step index, 0 … totalSteps − 1. */
export type StepSchedule = (step: number) => StepHypers;

/**
 * Rates spread over the parameter groups by equal factors, from the first group to the last (which holds the rest).
 * Without `from`, all groups but the last get a tenth of `to`.
 */
export interface RateRange {
  readonly from?: number;
  readonly to: number;
}

/** One rate for all groups, a range over them, or one for each. */
export type Rates = number | RateRange | readonly number[];

/** What a hyper-parameter does over a run: stays, follows a schedule, or either of them per group. */
export type HyperValue = number | Schedule | RateRange | readonly (number | Schedule)[];

/** Hyper-parameters over a run, by name. */
export type HyperSchedules = { readonly [Name in HyperName]?: HyperValue | undefined };

/**
 * The rate of each of `count` groups.   from·(to/from)^(i/(count − 1))
 * Errors  OptionError for a range or list that does not fit
 * Source  fastai `slice(lo, hi)`: even_mults, Optimizer.set_hyper
 */
export function spreadRates(rates: Rates, count: number, op = "lr"): readonly number[] {
  if (typeof rates === "number") return new Array<number>(count).fill(rates);
  if (Array.isArray(rates)) {
    if (rates.length === 1) return new Array<number>(count).fill(rates[0]);
    if (rates.length === count) return rates;
    throw new OptionError({
      op,
      problem: "rates",
      expected: `one for each of ${count} parameter groups (the rest is the last)`,
      got: `${rates.length}`,
    });
  }
  const { from, to } = rates as RateRange;
  if (!(to > 0 && (from === undefined || from > 0))) {
    throw new OptionError({
      op,
      problem: "range of rates",
      expected: "numbers above 0",
      got: `from ${from} to ${to}`,
    });
  }
  return Array.from({ length: count }, (_, i) => {
    if (i === count - 1) return to;
    return from === undefined ? to / 10 : from * (to / from) ** (i / (count - 1));
  });
}

export interface OverStepsOptions {
  readonly totalSteps: number;
  /** Parameter groups, the rest included; default 1. */
  readonly groups?: number;
  /** Position of step k of N: k/N ("fastai", never quite at the end) or k/(N − 1) ("torch", both ends hit). Default fastai. */
  readonly indexing?: "fastai" | "torch";
}

/**
 * Schedules of the position as one schedule of the step.
 * Errors  OptionError for lists that do not fit the groups
 */
export function overSteps(hypers: HyperSchedules, options: OverStepsOptions): StepSchedule {
  const { totalSteps, groups = 1, indexing = "fastai" } = options;
  const last = Math.max(1, indexing === "fastai" ? totalSteps : totalSteps - 1);
  const parts = Object.entries(hypers)
    .filter((entry): entry is [string, HyperValue] => entry[1] !== undefined)
    .map(([name, value]) => [name, atPosition(name, value, groups)] as const);
  return (step) => Object.fromEntries(parts.map(([name, at]) => [name, at(step / last)]));
}

function atPosition(
  name: string,
  value: HyperValue,
  groups: number,
): (position: number) => number | readonly number[] {
  if (typeof value === "number") return () => value;
  if (typeof value === "function") return value;
  if (Array.isArray(value) && value.some((one) => typeof one === "function")) {
    spreadRates(
      value.map(() => 0),
      groups,
      name,
    );
    const list = value as readonly (number | Schedule)[];
    return (position) => list.map((one) => (typeof one === "number" ? one : one(position)));
  }
  const rates = spreadRates(value as Rates, groups, name);
  return () => rates;
}

/** One schedule for each group; momentum and all else is that of the last, as fastai does. */
export function perGroup(schedules: readonly ((step: number) => Hypers)[]): StepSchedule {
  const last = schedules.at(-1)!;
  if (schedules.length === 1) return last;
  return (step) => ({ ...last(step), lr: schedules.map((schedule) => schedule(step).lr) });
}
