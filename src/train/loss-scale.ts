import { OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import type { State } from "../graph/value.ts";
import type { LossScaleAttrs } from "../ops/loss-scale.ts";

/** A loss scale that follows the gradients; omitted numbers are those of torch.amp.GradScaler. */
export interface LossScaleOptions {
  /** Scale of the first step. Default 65536. */
  readonly initial?: number;
  /** Factor after `interval` finite steps in a row. Default 2; 1 keeps the scale. */
  readonly growth?: number;
  /** Factor after an overflow. Default 0.5. */
  readonly backoff?: number;
  /** Default 2000. */
  readonly interval?: number;
}

/** A loss scale as the program keeps it: a state on the device, and how it moves. */
export interface LossScale {
  /** [3]: scale, finite steps since it changed, steps skipped. */
  readonly state: State;
  readonly attrs: LossScaleAttrs;
}

/** Column of a step's record that holds its scale. */
export const SCALE_COLUMN = 15;

/**
 * Fills in and checks the options.
 * Errors  OptionError for unknown options or numbers out of range
 */
export function lossScale(option: "dynamic" | LossScaleOptions): LossScale {
  const options = option === "dynamic" ? {} : option;
  knownOptions("lossScale", options, { initial: true, growth: true, backoff: true, interval: true });
  const { initial = 65_536, growth = 2, backoff = 0.5, interval = 2000 } = options;
  const check = (name: string, value: number, isRight: boolean, expected: string) => {
    if (isRight) return;
    throw new OptionError({ op: "lossScale", problem: name, expected, got: `${value}` });
  };
  check("initial", initial, initial > 0 && Math.fround(initial) < Infinity, "a finite f32 number above 0");
  check("growth", growth, growth >= 1 && growth < Infinity, "a number of at least 1");
  check("backoff", backoff, backoff > 0 && backoff < 1, "a number between 0 and 1");
  check("interval", interval, Number.isInteger(interval) && interval >= 1, "a whole number of at least 1");
  return {
    state: {
      name: "lossScale",
      shape: [3],
      dtype: "f32",
      role: "buffer",
      init: () => Float32Array.of(initial, 0, 0),
    },
    attrs: { growth, backoff, interval },
  };
}
