import { OptionError } from "../../core/errors.ts";
import type { FitContext } from "../callback.ts";

/** What a callback watches from epoch to epoch. */
export interface MonitorOptions {
  /** "trainLoss", "validLoss" (the default), or the name of a metric. */
  readonly monitor?: string;
  /** Whether less or more is better. Default: less of what has loss or error in its name, more of anything else. */
  readonly mode?: "min" | "max";
  /** Improvements of at most this do not count. Default 0. */
  readonly minDelta?: number;
}

/** The best value of a number so far. Source  fastai TrackerCallback */
export class Monitor {
  readonly name: string;
  readonly #op: string;
  readonly #sign: number;
  readonly #minDelta: number;
  /** NaN before the first epoch. */
  best = Number.NaN;
  bestEpoch = -1;

  constructor(op: string, { monitor = "validLoss", mode, minDelta = 0 }: MonitorOptions) {
    this.#op = op;
    this.name = monitor;
    this.#minDelta = minDelta;
    this.#sign = (mode ?? (/loss|error/i.test(monitor) ? "min" : "max")) === "min" ? -1 : 1;
  }

  /** Forgets the best. Errors  OptionError if the fit measures no such number */
  start({ learner }: FitContext): void {
    this.best = Number.NaN;
    this.bestEpoch = -1;
    const metrics = learner.options.data.valid ? (learner.options.metrics ?? []).map(({ name }) => name) : [];
    const known = ["trainLoss", ...(learner.options.data.valid ? ["validLoss"] : []), ...metrics];
    if (known.includes(this.name)) return;
    throw new OptionError({
      op: this.#op,
      problem: "monitor",
      expected: known.join(", "),
      got: this.name,
      fix: "validation data and metrics are options of the Learner",
    });
  }

  /** Takes in the epoch that has ended: true if it is the best so far. */
  improves({ result }: FitContext): boolean {
    if (!result) return false;
    const value =
      this.name === "trainLoss" || this.name === "validLoss" ? result[this.name] : result.metrics[this.name];
    if (value === undefined || Number.isNaN(value)) return false;
    const isBetter = Number.isNaN(this.best) || this.#sign * (value - this.best) > this.#minDelta;
    if (isBetter) {
      this.best = value;
      this.bestEpoch = result.epoch;
    }
    return isBetter;
  }
}
