import type { Callback, FitContext } from "../callback.ts";

/**
 * Measures how fast training goes: batches that have come back over the time in which they trained, without compiling
 * and validation.
 * Units   milliseconds per batch; examples per second
 */
export class Throughput implements Callback {
  readonly name = "throughput";
  /** Of every finished epoch. */
  readonly epochs: { readonly msPerStep: number; readonly examplesPerSecond: number }[] = [];
  #batches = 0;
  #milliseconds = 0;
  #examples = 0;
  #started = 0;
  #arrived = 0;
  #batchSize = 1;

  /** Mean over all batches so far. */
  get msPerStep(): number {
    const batches = this.#batches + this.#arrived;
    return batches === 0 ? 0 : (this.#milliseconds + this.#running()) / batches;
  }

  get examplesPerSecond(): number {
    const milliseconds = this.#milliseconds + this.#running();
    const examples = this.#examples + this.#arrived * this.#batchSize;
    return milliseconds === 0 ? 0 : (1000 * examples) / milliseconds;
  }

  #running(): number {
    return this.#started === 0 ? 0 : performance.now() - this.#started;
  }

  beforeTrain({ learner }: FitContext): void {
    this.#batchSize = learner.batchSize;
    this.#arrived = 0;
    this.#started = performance.now();
  }

  onRecord(): void {
    this.#arrived++;
  }

  afterTrain({ learner }: FitContext): void {
    const milliseconds = this.#running();
    // The last batch of an epoch may be smaller.
    const examples = Math.min(this.#arrived * this.#batchSize, learner.options.data.train.count);
    if (this.#arrived > 0) {
      this.epochs.push({
        msPerStep: milliseconds / this.#arrived,
        examplesPerSecond: (1000 * examples) / milliseconds,
      });
    }
    this.#milliseconds += milliseconds;
    this.#batches += this.#arrived;
    this.#examples += examples;
    this.#arrived = 0;
    this.#started = 0;
  }
}
