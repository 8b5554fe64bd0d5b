/**
 * Exponentially weighted mean, corrected for its start.   v = β·v + (1 − β)·loss, shown as v/(1 − βⁿ)
 * Source  fastai AvgSmoothLoss (β 0.98)
 */
export class SmoothedLoss {
  readonly #beta: number;
  #sum = 0;
  #count = 0;

  constructor(beta = 0.98) {
    this.#beta = beta;
  }

  /** Takes in one number; returns the mean so far. */
  add(loss: number): number {
    this.#sum = this.#beta * this.#sum + (1 - this.#beta) * loss;
    this.#count++;
    return this.value;
  }

  /** NaN before the first number. */
  get value(): number {
    return this.#sum / (1 - this.#beta ** this.#count);
  }
}
