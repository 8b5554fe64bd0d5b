import { DataError } from "../../core/errors.ts";
import { knownOptions } from "../../core/known-options.ts";
import type { Callback, FitContext } from "../callback.ts";
import { predictedClasses, validationExamples } from "../examples.ts";
import type { Learner } from "../learner.ts";

export interface ConfusionMatrixOptions {
  /** Measured after every epoch, or when the fit ends (the default). */
  readonly each?: "epoch" | "fit";
}

/** One kind of mistake. */
export interface Confusion {
  readonly label: number;
  readonly prediction: number;
  readonly count: number;
}

/** Counts of the validation examples by label and predicted class. Source  fastai ClassificationInterpretation */
export class ConfusionMatrix implements Callback {
  readonly name = "confusionMatrix";
  readonly order = 65;
  readonly #each: "epoch" | "fit";
  classes = 0;
  /** [label, prediction], row-major. */
  counts = new Uint32Array(0);
  /** Positions without a prediction: one of their scores is NaN. */
  unclassified = 0;

  constructor(options: ConfusionMatrixOptions = {}) {
    knownOptions(this.name, options, { each: true });
    this.#each = options.each ?? "fit";
  }

  async afterEpoch({ learner }: FitContext): Promise<void> {
    if (this.#each === "epoch") await this.measure(learner);
  }

  async afterFit({ learner }: FitContext): Promise<void> {
    if (this.#each === "fit") await this.measure(learner);
  }

  /** Counts anew, at any time. Errors  DataError without validation data or without integer labels */
  async measure(learner: Learner): Promise<this> {
    const examples = await validationExamples(learner, this.name, false);
    const { labels } = examples;
    if (!labels) {
      throw new DataError({
        op: this.name,
        problem: "labels",
        expected: "one column of class indices (i32)",
        got: "others",
      });
    }
    const predicted = predictedClasses(examples);
    this.classes = examples.shape[0] ?? 1;
    this.counts = new Uint32Array(this.classes ** 2);
    this.unclassified = 0;
    for (const [i, label] of labels.entries()) {
      // Labels below 0 are the ones that losses ignore.
      if (label < 0) continue;
      if (predicted[i]! < 0) this.unclassified++;
      else this.counts[label * this.classes + predicted[i]!]!++;
    }
    return this;
  }

  /** How many examples of a label were taken for a class. */
  at(label: number, prediction: number): number {
    return this.counts[label * this.classes + prediction] ?? 0;
  }

  /** The mistakes made most often, at least `least` times. */
  mostConfused(least = 1): Confusion[] {
    return [...this.counts]
      .map((count, i) => ({ label: Math.floor(i / this.classes), prediction: i % this.classes, count }))
      .filter(({ label, prediction, count }) => label !== prediction && count >= least)
      .sort((a, b) => b.count - a.count);
  }
}
