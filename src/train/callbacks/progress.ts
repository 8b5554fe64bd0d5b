import { knownOptions } from "../../core/known-options.ts";
import type { Callback, EpochRecord, FitContext, StepRecord } from "../callback.ts";
import { SmoothedLoss } from "../smoothed-loss.ts";
import { epochText, progressLine } from "./progress-text.ts";
import { Throughput } from "./throughput.ts";

/** Where a fit is. */
export interface TrainingProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Batches done in this epoch, of `steps`. */
  readonly step: number;
  readonly steps: number;
  /** Smoothed over the last steps. */
  readonly loss: number;
  /** Of the training batches, smoothed alike; NaN where they are not measured. */
  readonly accuracy: number;
  readonly lr: number;
  readonly momentum: number;
  readonly examplesPerSecond: number;
  /** To the end of this fit. */
  readonly secondsLeft: number;
}

export interface ProgressOptions {
  /** Takes text for a terminal: a line that is drawn again and again, a lasting one per epoch. Default console.log per epoch. */
  write?(text: string): void;
  /** Width of a line. Default 80. */
  readonly columns?: number;
  /** Takes the numbers instead of text, some times a second. */
  report?(progress: TrainingProgress): void;
  /** Takes the result of an epoch instead of text. */
  reportEpoch?(result: EpochRecord, epochs: number): void;
}

/** Time between two reports, in milliseconds. */
const INTERVAL_MS = 100;

/** Weight of the past in the smoothed loss and accuracy. */
const SMOOTHING = 0.95;

/** Tells how a fit goes on: smoothed loss and accuracy, speed, time left, a line per epoch. */
export class Progress implements Callback {
  readonly name = "progress";
  readonly order = 80;
  readonly #options: ProgressOptions;
  readonly #throughput = new Throughput();
  readonly #loss = new SmoothedLoss(SMOOTHING);
  readonly #accuracy = new SmoothedLoss(SMOOTHING);
  #stepsInEpoch = 0;
  #validationStarted = 0;
  #validationMs = 0;
  #lastSent = 0;

  constructor(options: ProgressOptions = {}) {
    knownOptions(this.name, options, { write: true, columns: true, report: true, reportEpoch: true });
    this.#options = options;
  }

  /** Mean time of a training batch, without compiling and validation. */
  get msPerStep(): number {
    return this.#throughput.msPerStep;
  }

  beforeTrain(context: FitContext): void {
    this.#throughput.beforeTrain(context);
    this.#stepsInEpoch = 0;
  }

  onRecord(record: StepRecord, context: FitContext): void {
    this.#throughput.onRecord();
    this.#stepsInEpoch++;
    this.#loss.add(record.loss);
    this.#accuracy.add(record.metrics.accuracy ?? Number.NaN);
    const now = performance.now();
    if (now - this.#lastSent < INTERVAL_MS && this.#stepsInEpoch < context.batches) return;
    this.#lastSent = now;
    const { report, write, columns = 80 } = this.#options;
    if (!report && !write) return;
    const progress = this.#progress(record, context);
    if (report) report(progress);
    else write!(`\r\x1b[K${progressLine(progress, columns)}`);
  }

  #progress({ epoch, lr, momentum }: StepRecord, { epochs, batches }: FitContext): TrainingProgress {
    const stepsLeft = (epochs - epoch) * batches - this.#stepsInEpoch;
    return {
      epoch: epoch + 1,
      epochs,
      step: this.#stepsInEpoch,
      steps: batches,
      loss: this.#loss.value,
      accuracy: this.#accuracy.value,
      lr,
      momentum,
      examplesPerSecond: this.#throughput.examplesPerSecond,
      secondsLeft: (stepsLeft * this.msPerStep + (epochs - epoch) * this.#validationMs) / 1000,
    };
  }

  afterTrain(context: FitContext): void {
    this.#throughput.afterTrain(context);
  }

  beforeValidate(): void {
    this.#validationStarted = performance.now();
  }

  afterValidate(): void {
    this.#validationMs = performance.now() - this.#validationStarted;
  }

  afterEpoch({ result, epochs }: FitContext): void {
    if (!result) return;
    const { write, report, reportEpoch } = this.#options;
    if (reportEpoch) reportEpoch(result, epochs);
    else if (write) write(`\r\x1b[K${epochText(result, epochs)}\n`);
    else if (!report) console.log(epochText(result, epochs));
  }
}
