import randomBetaWgsl from "../../shaders/random_beta.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { hashString } from "../core/random.ts";
import { ceilDiv } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { currentPath } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import { numberOption } from "./numbers.ts";

const op = defineOp<never, "y", { count: number; alpha: number; hash: number }>({
  name: "random_beta",
  inputs: [],
  outputs: ["y"],
  shape: (_, { count }) => ({ y: [count] }),
  lowerings: [
    {
      name: "random_beta",
      wgsl: randomBetaWgsl,
      launch: ({ attrs: { count, alpha, hash } }) => ({
        grid: linearGrid(ceilDiv(count, 64)),
        const: { COUNT: count, ALPHA: alpha, PATH_HASH: hash },
      }),
    },
  ],
  gradient: { none: "it has no inputs" },
});

/**
 * Numbers from Beta(alpha, alpha), new ones every step: they depend on seed, step, micro-batch and layer path only.
 * Shapes  y [count]
 * Errors  OptionError for an alpha outside (0.05, 2]
 * Source  Jöhnk 1964
 */
export function randomBeta(count: number, alpha: number): Value {
  const checked = numberOption("randomBeta", "alpha", alpha, 0.05, 2);
  return op({}, { count, alpha: checked, hash: hashString(currentPath()) }).y;
}
