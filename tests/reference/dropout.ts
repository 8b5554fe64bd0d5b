import { hashString, randomUnit, streamKey } from "../../src/core/random.ts";
import { at, forEachIndex, need, Sum } from "./tensor.ts";
import type { Attrs, Reference, Tensor } from "./types.ts";

/**
 * Dropout: an element is kept when its random number is at least p, and kept elements are divided by 1 − p.
 * The numbers are those of the host's generator, drawn with the key of one operator at the top of a graph.
 */

/** Seed, step and micro-step 0, as `evaluate` has them by default, and the empty layer path. */
const key = streamKey(0, 0, 0, hashString(""));

/** 0 or 1/(1 − p) for every element; `draw` is the index of the random number that decides. */
function scaleOf(draw: number, attrs: Attrs): number {
  const p: number = attrs.p ?? 0.5;
  if (attrs.training === false) {
    return 1;
  }
  return randomUnit(key, draw) >= Math.fround(p) ? 1 / (1 - p) : 0;
}

function masking(drawOf: (x: Tensor, index: readonly number[], offset: number) => number): Reference {
  const masked = (x: Tensor, values: Tensor, attrs: Attrs): Sum => {
    const result = new Sum(x.shape);
    forEachIndex(x.shape, (index, offset) => {
      result.add(offset, at(values.data, offset) * scaleOf(drawOf(x, index, offset), attrs));
    });
    return result;
  };
  return {
    forward: (inputs, attrs) => ({ y: masked(need(inputs, "x"), need(inputs, "x"), attrs) }),
    backward: (inputs, attrs, upstream) => ({ x: masked(need(inputs, "x"), need(upstream, "y"), attrs) }),
  };
}

/** One draw for each element, numbered row-major in the logical shape. */
export const dropout = masking((_x, _index, offset) => offset);

/** One draw for each channel of each example, numbered n·C + c. */
export const dropout2d = masking((x, index) => at(index, 0) * at(x.shape, 1) + at(index, 1));
