import { OptionError } from "../../core/errors.ts";
import { knownOptions } from "../../core/known-options.ts";
import { singleValue } from "../../nn/module.ts";
import { flipLabels } from "../../ops/index.ts";
import type { Callback } from "../callback.ts";
import type { TrainingBatch } from "../step-changes.ts";

export interface LabelNoiseOptions {
  /** Share of the labels drawn anew in every step. */
  readonly p: number;
  readonly classes: number;
}

/** Replaces a share of the training labels by random classes, other ones in every step. Source  DisturbLabel, Xie et al. 2016 (arXiv:1605.00055) */
export class LabelNoise implements Callback {
  readonly name = "labelNoise";
  readonly #options: LabelNoiseOptions;

  /** Errors  OptionError for a p outside [0, 1] or fewer than one class */
  constructor(options: LabelNoiseOptions) {
    knownOptions(this.name, options, { p: true, classes: true });
    this.#options = options;
    const { p, classes } = options;
    if (p >= 0 && p <= 1 && Number.isInteger(classes) && classes >= 1) return;
    throw new OptionError({
      op: this.name,
      problem: "options",
      expected: "p from 0 to 1 and a number of classes",
      got: `p ${p}, classes ${classes}`,
    });
  }

  batch(batch: TrainingBatch): TrainingBatch {
    return { ...batch, targets: flipLabels(singleValue(batch.targets, "labelNoise targets"), this.#options) };
  }
}
