import { OptionError } from "../../core/errors.ts";
import { knownOptions } from "../../core/known-options.ts";
import type { Optimizer } from "../../optim/optimizer.ts";
import type { Callback } from "../callback.ts";

export interface GradientClipOptions {
  /** Scales the gradients so that their norm over all parameters is at most this. */
  readonly maxNorm?: number;
  /** Cuts every element to [−maxValue, maxValue]. */
  readonly maxValue?: number;
}

/** Clips gradients, inside the compiled step. Source  torch.nn.utils.clip_grad_norm_, clip_grad_value_; fastai GradientClip */
export class GradientClip implements Callback {
  readonly name = "gradientClip";
  readonly #options: GradientClipOptions;

  /** Errors  OptionError for limits that are not above 0, or none */
  constructor(options: GradientClipOptions = { maxNorm: 1 }) {
    knownOptions(this.name, options, { maxNorm: true, maxValue: true });
    this.#options = options;
    const { maxNorm, maxValue } = options;
    if ((maxNorm ?? maxValue ?? 0) > 0 && (maxValue ?? 1) > 0) return;
    throw new OptionError({
      op: this.name,
      problem: "limits",
      expected: "maxNorm or maxValue above 0",
      got: `maxNorm ${maxNorm}, maxValue ${maxValue}`,
    });
  }

  optimizer(optimizer: Optimizer): Optimizer {
    const { maxNorm = optimizer.clipNorm, maxValue = optimizer.clipValue } = this.#options;
    return { ...optimizer, clipNorm: maxNorm, clipValue: maxValue };
  }
}
