import { describe, expect, test } from "vitest";
import copy from "../../shaders/copy.wgsl?raw";
import { linearGrid } from "../../src/core/grid.ts";
import { CHANNELS_LAST } from "../../src/core/layout.ts";
import { defineOp } from "../../src/graph/define.ts";
import type { Value } from "../../src/graph/value.ts";
import { cases as activations } from "../ops/activations.ts";
import { cases as binary } from "../ops/binary.ts";
import { cases as dropout } from "../ops/dropout.ts";
import { cases as reduce } from "../ops/reduce.ts";
import { cases as shape } from "../ops/shape.ts";
import { cases as softmax } from "../ops/softmax.ts";
import { cases as unary } from "../ops/unary.ts";
import type { OpCase } from "../reference/types.ts";
import { caseMismatches, describeMismatches } from "./sweep.ts";

/**
 * The operators that take any layout, on values that lie channels-last with NaN in the padding lanes: inputs of
 * rank 4 and the gradients of results of rank 4.
 */

const pinned = defineOp({
  name: "channels_last",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  lowerings: [
    {
      name: "copy",
      wgsl: copy,
      layouts: { x: CHANNELS_LAST, y: CHANNELS_LAST },
      launch: ({ physical: { y } }) => ({
        grid: linearGrid(Math.ceil(y.size / 64)),
        const: { COUNT: y.size },
      }),
    },
  ],
  gradient: ({ dy }) => ({ x: channelsLast(dy) }),
});

function channelsLast(x: Value): Value {
  return x.shape.length === 4 && x.dtype === "f32" ? pinned({ x }, {}).y : x;
}

function pinAll(values: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, channelsLast(value)]));
}

const all = [...activations, ...binary, ...dropout, ...reduce, ...shape, ...softmax, ...unary];
const spatial = all.filter(({ inputs }) => Object.values(inputs).some((input) => input.shape.length === 4));

for (const one of spatial) {
  describe(one.op, () => {
    test(one.name, async () => {
      const moved: OpCase = { ...one, run: (values, attrs) => pinAll(one.run(pinAll(values), attrs)) };
      const found = await caseMismatches(moved);
      expect(found.length, describeMismatches(found)).toBe(0);
    });
  });
}
