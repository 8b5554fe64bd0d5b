import huberWgsl from "../../shaders/huber.wgsl?raw";
import { OptionError } from "../core/errors.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { checkPair, type ReductionOptions, reduceElements } from "./loss-reduction.ts";
import { sub } from "./sub.ts";

export interface HuberOptions extends ReductionOptions {
  /** Difference from which on the loss is linear; default 1. */
  readonly delta?: number;
}

const op = defineOp<"x", "y", { delta: number }>({
  name: "huber",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: {
    wgsl: huberWgsl,
    fn: "huber",
    backward: "huber_backward",
    params: (attrs) => [(attrs as { delta: number }).delta],
    zeroToZero: true,
  },
});

/**
 * Huber loss.   loss = d²/2 for |d| ≤ delta, else delta·(|d| − delta/2), d = x − y
 * Shapes  x, y equal; loss [], or for "none" as x
 * Errors  ShapeError for unequal shapes; OptionError for a delta that is not above 0
 * Source  torch.nn.functional.huber_loss
 */
export function huber(x: Value, y: Value, options: HuberOptions = {}): Value {
  checkPair("huber", x, y);
  const { delta = 1 } = options;
  if (!(delta > 0)) {
    throw new OptionError({ op: "huber", problem: "delta", expected: "a number above 0", got: `${delta}` });
  }
  return reduceElements("huber", op({ x: sub(x, y) }, { delta }).y, options);
}
