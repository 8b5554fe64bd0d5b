import { OptionError } from "../core/errors.ts";
import { type DataSet, slice } from "./data-set.ts";

/** Training and validation examples. */
export interface Splits {
  readonly train: DataSet;
  readonly valid: DataSet;
}

/**
 * Cuts off the last examples for validation: a share below 1, or a count.
 * Errors  OptionError if nothing is left on either side
 */
export function splitLast(all: DataSet, valid: number): Splits {
  const count = valid < 1 ? Math.round(all.count * valid) : valid;
  if (!(Number.isInteger(count) && count > 0 && count < all.count)) {
    throw new OptionError({
      op: "data",
      problem: "validation examples",
      expected: `a share between 0 and 1, or a count from 1 to ${all.count - 1}`,
      got: `${valid}`,
    });
  }
  return { train: slice(all, 0, all.count - count), valid: slice(all, all.count - count) };
}
