import type { Value } from "../graph/value.ts";
import { checkPair, type ReductionOptions, reduceElements } from "./loss-reduction.ts";
import { mul } from "./mul.ts";
import { sub } from "./sub.ts";

/**
 * Squared error.   loss = (x − y)²
 * Shapes  x, y equal; loss [], or for "none" as x
 * Errors  ShapeError for unequal shapes
 */
export function mse(x: Value, y: Value, options: ReductionOptions = {}): Value {
  checkPair("mse", x, y);
  const difference = sub(x, y);
  return reduceElements("mse", mul(difference, difference), options);
}
