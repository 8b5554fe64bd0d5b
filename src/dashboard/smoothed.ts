/**
 * Exponentially weighted mean, corrected for its start.   s = β·s + (1 − β)·x, shown as s / (1 − βⁿ)
 * Source  fastai AvgSmoothLoss; its β of 0.98 lags behind in runs of a few hundred steps
 */
export class Smoothed {
  readonly #beta: number;
  #sum = 0;
  #count = 0;

  constructor(beta = 0.9) {
    this.#beta = beta;
  }

  /** Takes in a number; returns the mean so far. */
  add(value: number): number {
    this.#sum = this.#beta * this.#sum + (1 - this.#beta) * value;
    this.#count++;
    return this.#sum / (1 - this.#beta ** this.#count);
  }
}
