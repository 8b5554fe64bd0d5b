import { knownOptions } from "../../core/known-options.ts";
import type { Value } from "../../graph/value.ts";
import { perExample } from "../../nn/losses.ts";
import { isValue, type Values } from "../../nn/module.ts";
import { add, concat, maximum, mul, randomBeta, reshape, slice, sub } from "../../ops/index.ts";
import type { Callback } from "../callback.ts";
import type { TrainingBatch } from "../step-changes.ts";

export interface MixupOptions {
  /** Of Beta(alpha, alpha), from which every example's share is drawn. Default 0.4. */
  readonly alpha?: number;
}

/**
 * Mixes every example with its neighbour in the batch, which the epoch's random order has put there, and its loss alike.
 * x' = λ·x + (1 − λ)·x₂,  loss = λ·loss(y) + (1 − λ)·loss(y₂),  λ = max(b, 1 − b), b from Beta(alpha, alpha)
 * Source  Zhang et al. 2018 (arXiv:1710.09412); fastai MixUp
 */
export class Mixup implements Callback {
  readonly name = "mixup";
  readonly #alpha: number;

  constructor(options: MixupOptions = {}) {
    knownOptions(this.name, options, { alpha: true });
    this.#alpha = options.alpha ?? 0.4;
  }

  batch({ inputs, targets, loss }: TrainingBatch): TrainingBatch {
    const [first] = isValue(inputs) ? [inputs] : Object.values(inputs);
    const count = first!.shape[0]!;
    const drawn = randomBeta(count, this.#alpha);
    const share = maximum(drawn, sub(1, drawn));
    const mixed = each(inputs, (x) => {
      const own = reshape(share, [count, ...x.shape.slice(1).map(() => 1)]);
      return add(mul(own, x), mul(sub(1, own), rolled(x)));
    });
    const others = each(targets, rolled);
    const single = perExample(loss);
    return {
      inputs: mixed,
      targets,
      loss: (outputs, given) =>
        add(mul(share, single(outputs, given)), mul(sub(1, share), single(outputs, others))),
    };
  }
}

/** Every example in the place of the one before it, the first in the last place. */
function rolled(x: Value): Value {
  const count = x.shape[0]!;
  if (count === 1) return x;
  const cut = (start: number, end: number) => slice(x, { starts: [start], ends: [end] });
  return concat([cut(1, count), cut(0, 1)], { axis: 0 });
}

function each(values: Values, change: (value: Value) => Value): Values {
  if (isValue(values)) return change(values);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}
