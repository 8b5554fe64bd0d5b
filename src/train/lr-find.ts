import { OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { type Callback, CancelFit, CancelValidate, type FitContext, type StepRecord } from "./callback.ts";
import { fitLoop } from "./fit.ts";
import type { Learner } from "./learner.ts";
import { type LrSuggestions, suggestLr } from "./lr-suggestions.ts";
import { RunLog } from "./run.ts";
import { SmoothedLoss } from "./smoothed-loss.ts";

/** Options of `lrFind`; the defaults are fastai's. */
export interface LrFindOptions {
  /** Default 1e-7. */
  readonly startLr?: number;
  /** Default 10. */
  readonly endLr?: number;
  /** Steps; default 100, at least 6. */
  readonly steps?: number;
  /** Stop once the smoothed loss is above four times its best. Default true. */
  readonly stopOnDivergence?: boolean;
}

export interface LrFindResult {
  /** Of every step up to the stop. */
  readonly lrs: readonly number[];
  /** Smoothed as fastai's Recorder does; NaN to the end once it is NaN. */
  readonly losses: readonly number[];
  readonly suggestions: LrSuggestions;
}

/** How far above its best the smoothed loss may rise. */
const DIVERGED = 4;

/** lr of step k.   startLr·(endLr/startLr)^(k/steps) */
function rateAt({ startLr, endLr, steps }: Required<LrFindOptions>, k: number): number {
  return startLr * (endLr / startLr) ** (k / steps);
}

/** Raises lr from batch to batch, collects the smoothed loss, stops when it diverges. */
class LrFinder implements Callback {
  readonly name = "lrFinder";
  readonly lrs: number[] = [];
  readonly losses: number[] = [];
  readonly #first: number;
  readonly #options: Required<LrFindOptions>;
  readonly #smoothed = new SmoothedLoss();
  #best = Number.POSITIVE_INFINITY;
  #isDone = false;
  /** Micro-batches of the step that is arriving. */
  #micro = { step: -1, lr: 0, sum: 0, count: 0 };

  constructor(first: number, options: Required<LrFindOptions>) {
    this.#first = first;
    this.#options = options;
  }

  beforeBatch({ step }: FitContext): void {
    if (step - this.#first >= this.#options.steps) throw new CancelFit();
  }

  onRecord({ step, loss, lr, groups }: StepRecord): void {
    if (step !== this.#micro.step) this.finishStep();
    const { sum, count } = step === this.#micro.step ? this.#micro : { sum: 0, count: 0 };
    this.#micro = { step, lr: groups.at(-1)?.lr ?? lr, sum: sum + loss, count: count + 1 };
  }

  beforeValidate(): void {
    throw new CancelValidate();
  }

  /** Takes in the last step whose micro-batches have all arrived. Steps sent beyond the stop do not count. */
  finishStep(): void {
    const { lr, sum, count } = this.#micro;
    if (this.#isDone || count === 0) return;
    const loss = this.#smoothed.add(sum / count);
    this.lrs.push(lr);
    this.losses.push(loss);
    if (loss < this.#best) this.#best = loss;
    const { stopOnDivergence, steps } = this.#options;
    this.#isDone = Number.isNaN(loss) || (stopOnDivergence && loss > DIVERGED * this.#best);
    // What is NaN stays so: the steps that are left need not run to tell.
    if (Number.isNaN(loss)) {
      for (let k = this.lrs.length; k < steps; k++) this.lrs.push(rateAt(this.#options, k));
      while (this.losses.length < steps) this.losses.push(Number.NaN);
    }
    if (this.#isDone) throw new CancelFit();
  }
}

/**
 * Trains some steps while lr rises by equal factors, and puts everything back: weights, optimizer, running
 * statistics, step counters and with them random numbers, and the order of the data. The hooks of the learner's own
 * callbacks are not called; the run log stays as it is.
 * Errors  OptionError for rates that do not rise
 * Source  Smith 2017 (arXiv:1506.01186) §3.3; fastai Learner.lr_find
 */
export async function lrFind(learner: Learner, options: LrFindOptions): Promise<LrFindResult> {
  const settings = checked(options);
  const { steps } = settings;
  const counters = { steps: learner.steps, epochs: learner.epochs };
  const snapshot = await learner.snapshot();
  const finder = new LrFinder(counters.steps, settings);
  const epochs = Math.ceil(steps / learner.stepsPerEpoch);
  try {
    const schedule = (step: number) => ({ lr: rateAt(settings, step) });
    await fitLoop(learner, epochs, schedule, { run: new RunLog(), callbacks: [finder] });
  } finally {
    learner.restore(snapshot);
    snapshot.destroy();
    Object.assign(learner, counters);
    learner.restoreOrder();
  }
  try {
    finder.finishStep();
  } catch (error) {
    if (!(error instanceof CancelFit)) throw error;
  }
  const { lrs, losses } = finder;
  return { lrs, losses, suggestions: suggestLr(lrs, losses, steps) };
}

function checked(options: LrFindOptions): Required<LrFindOptions> {
  const op = "lrFind";
  knownOptions(op, options, { startLr: true, endLr: true, steps: true, stopOnDivergence: true });
  const { startLr = 1e-7, endLr = 10, steps = 100, stopOnDivergence = true } = options;
  if (!(startLr > 0 && endLr > startLr)) {
    throw new OptionError({
      op,
      problem: "rates",
      expected: "0 < startLr < endLr",
      got: `${startLr}, ${endLr}`,
    });
  }
  if (!(Number.isInteger(steps) && steps >= 1)) {
    throw new OptionError({ op, problem: "steps", expected: "a positive integer", got: `${steps}` });
  }
  return { startLr, endLr, steps: Math.max(6, steps), stopOnDivergence };
}
