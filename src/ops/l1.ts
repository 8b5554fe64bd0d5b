import type { Value } from "../graph/value.ts";
import { abs } from "./abs.ts";
import { checkPair, type ReductionOptions, reduceElements } from "./loss-reduction.ts";
import { sub } from "./sub.ts";

/**
 * Absolute error.   loss = |x − y|; gradient 0 where x = y
 * Shapes  x, y equal; loss [], or for "none" as x
 * Errors  ShapeError for unequal shapes
 */
export function l1(x: Value, y: Value, options: ReductionOptions = {}): Value {
  checkPair("l1", x, y);
  return reduceElements("l1", abs(sub(x, y)), options);
}
