import type { Callback, FitContext, StepRecord, ValidationResult } from "../train/callback.ts";
import type { EpochResult, TrainEvent } from "./train-result.ts";

/** Time between two progress events, in milliseconds. */
const INTERVAL_MS = 100;

/** Weight of the past in the smoothed loss and accuracy. */
const SMOOTHING = 0.95;

/** Tells how a fit goes on: smoothed loss and accuracy, speed, time left; keeps what the result needs. */
export class ProgressReport implements Callback {
  readonly name = "progressReport";
  readonly epochs: EpochResult[] = [];
  readonly #send: (event: TrainEvent) => void;
  readonly #loss = new Smoothed();
  readonly #accuracy = new Smoothed();
  #steps = 0;
  #stepsInEpoch = 0;
  /** Time of finished epochs' training. */
  #trainMs = 0;
  #epochStarted = 0;
  #validationStarted = 0;
  #validationMs = 0;
  #lastSent = 0;
  #batch = 1;

  constructor(send: (event: TrainEvent) => void) {
    this.#send = send;
  }

  /** Mean time of a training step, without compiling and validation. */
  get msPerStep(): number {
    return this.#steps === 0 ? 0 : this.#trainMs / this.#steps;
  }

  beforeFit({ learner }: FitContext): void {
    this.#batch = learner.batchSize * learner.options.accumulate;
  }

  beforeEpoch(): void {
    this.#epochStarted = performance.now();
    this.#stepsInEpoch = 0;
  }

  onRecord({ loss, metrics, lr, momentum, epoch }: StepRecord, { epochs, batches }: FitContext): void {
    this.#steps++;
    this.#stepsInEpoch++;
    const smoothLoss = this.#loss.add(loss);
    const smoothAccuracy = this.#accuracy.add(metrics.accuracy ?? Number.NaN);
    const now = performance.now();
    if (now - this.#lastSent < INTERVAL_MS && this.#stepsInEpoch < batches) return;
    this.#lastSent = now;
    const msPerStep = (this.#trainMs + now - this.#epochStarted) / this.#steps;
    const stepsLeft = (epochs - epoch) * batches - this.#stepsInEpoch;
    this.#send({
      type: "progress",
      progress: {
        epoch: epoch + 1,
        epochs,
        step: this.#stepsInEpoch,
        steps: batches,
        loss: smoothLoss,
        accuracy: smoothAccuracy,
        lr,
        momentum,
        examplesPerSecond: (1000 * this.#batch) / msPerStep,
        secondsLeft: (stepsLeft * msPerStep + (epochs - epoch) * this.#validationMs) / 1000,
      },
    });
  }

  beforeValidate(): void {
    this.#validationStarted = performance.now();
    this.#trainMs += this.#validationStarted - this.#epochStarted;
  }

  afterValidate(_result: ValidationResult): void {
    this.#validationMs = performance.now() - this.#validationStarted;
  }

  afterEpoch({ result, epochs }: FitContext): void {
    if (!result) return;
    const { epoch, trainLoss, validLoss, metrics, seconds } = result;
    const validAccuracy = metrics.accuracy ?? Number.NaN;
    const line: EpochResult = { epoch: epoch + 1, trainLoss, validLoss, validAccuracy, seconds };
    this.epochs.push(line);
    this.#send({ type: "epoch", epochs, result: line });
  }
}

/** Exponentially weighted mean, corrected for its start. */
class Smoothed {
  #sum = 0;
  #weight = 0;

  add(value: number): number {
    this.#sum = SMOOTHING * this.#sum + (1 - SMOOTHING) * value;
    this.#weight = SMOOTHING * this.#weight + (1 - SMOOTHING);
    return this.#sum / this.#weight;
  }
}
