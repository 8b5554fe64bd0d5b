import { knownOptions } from "../../core/known-options.ts";
import { numel } from "../../core/shape.ts";
import type { Callback, FitContext } from "../callback.ts";
import { predictedClasses, validationExamples } from "../examples.ts";
import type { Learner } from "../learner.ts";

export interface TopLossesOptions {
  /** Examples to keep. Default 9. */
  readonly count?: number;
  /** Measured after every epoch, or when the fit ends (the default). */
  readonly each?: "epoch" | "fit";
}

/** A validation example with its loss. */
export interface ExampleLoss {
  /** Place in the validation data. */
  readonly index: number;
  readonly loss: number;
  /** For one integer label per example. */
  readonly label: number | undefined;
  /** Class of the largest output, for outputs [classes]; −1 where one is NaN. */
  readonly prediction: number | undefined;
}

/** The validation examples with the largest losses, largest first; NaN counts as largest. Source  fastai top_losses */
export class TopLosses implements Callback {
  readonly name = "topLosses";
  readonly order = 65;
  readonly #count: number;
  readonly #each: "epoch" | "fit";
  examples: readonly ExampleLoss[] = [];

  constructor(options: TopLossesOptions = {}) {
    knownOptions(this.name, options, { count: true, each: true });
    this.#count = options.count ?? 9;
    this.#each = options.each ?? "fit";
  }

  async afterEpoch({ learner }: FitContext): Promise<void> {
    if (this.#each === "epoch") await this.measure(learner);
  }

  async afterFit({ learner }: FitContext): Promise<void> {
    if (this.#each === "fit") await this.measure(learner);
  }

  /** Measures anew, at any time. Errors  DataError without validation data; OptionError for a loss without examples */
  async measure(learner: Learner): Promise<this> {
    const examples = await validationExamples(learner, this.name, true);
    const { count, shape, labels } = examples;
    const losses = examples.losses!;
    const rank = (index: number) =>
      Number.isNaN(losses[index]!) ? Number.POSITIVE_INFINITY : losses[index]!;
    const predicted = numel(shape.slice(1)) === 1 && labels ? predictedClasses(examples) : undefined;
    this.examples = Array.from({ length: count }, (_, i) => i)
      .sort((a, b) => (rank(a) === rank(b) ? a - b : rank(b) - rank(a)))
      .slice(0, this.#count)
      .map((index) => ({
        index,
        loss: losses[index]!,
        label: labels?.length === count ? labels[index] : undefined,
        prediction: predicted?.[index],
      }));
    return this;
  }
}
