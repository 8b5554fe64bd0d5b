import rectifiers from "../../shaders/rectifiers.wgsl?raw";
import { OptionError } from "../core/errors.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import { numberOption } from "./numbers.ts";

export interface ClampOptions {
  /** Lower bound; none where absent. */
  readonly min?: number;
  /** Upper bound; none where absent. */
  readonly max?: number;
}

const op = defineOp<"x", "y", ClampOptions>({
  name: "clamp",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  pointwise: {
    wgsl: rectifiers,
    fn: "bounded",
    backward: "bounded_backward",
    params: (attrs) => {
      const { min, max } = attrs as ClampOptions;
      return [min ?? 0, max ?? 0, (min === undefined ? 0 : 1) + (max === undefined ? 0 : 2)];
    },
  },
});

/**
 * Bounds.   y = min(max(x, min), max); the gradient passes where x lies within or at the bounds
 * Shapes  x any; y as x
 * Errors  OptionError if neither bound is given, or one is not finite
 */
export function clamp(x: Value, options: ClampOptions): Value {
  if (options.min === undefined && options.max === undefined) {
    throw new OptionError({ op: "clamp", problem: "bounds", expected: "min, max or both", got: "neither" });
  }
  const bounds = Object.entries(options).map(([name, value]) => [name, numberOption("clamp", name, value)]);
  return op({ x }, Object.fromEntries(bounds)).y;
}
