import type { DType, HostArray } from "../core/dtype.ts";
import { numel, type Shape } from "../core/shape.ts";
import { type FlatBuffer, makeValue, type State, type Value } from "./value.ts";

/** A value supplied from outside on every run: a batch, a data set, an array of `evaluate`. */
export function input(name: string, shape: Shape, dtype: DType = "f32"): Value {
  return makeValue(shape, dtype, { kind: "input", name });
}

/** A number, or an array that is uploaded once with the plan. Numbers become literals in pointwise kernels. */
export function constant(data: number | HostArray, shape?: Shape): Value {
  if (typeof data === "number") return makeValue([], "f32", { kind: "constant", data });
  const dtype: DType = data instanceof Float32Array ? "f32" : data instanceof Int32Array ? "i32" : "u32";
  return makeValue(shape ?? [data.length], dtype, { kind: "constant", data });
}

const stateValues = new WeakMap<State, Value>();

/** The value of a state; one and the same for every use, so that gradients of shared parameters add up. */
export function stateValue(state: State): Value {
  let value = stateValues.get(state);
  if (!value) {
    value = makeValue(state.shape, state.dtype, { kind: "state", state });
    stateValues.set(state, value);
  }
  return value;
}

/** A whole flat buffer. Its size is known only when the parameters are laid out, so it has no logical shape here. */
export function flat(buffer: FlatBuffer): Value {
  return makeValue([0], buffer === "blocks" ? "u32" : "f32", { kind: "flat", buffer });
}

/** An array of ones or another repeated number, for optional operands such as a missing affine scale. */
export function filled(shape: Shape, value: number): Value {
  return constant(new Float32Array(numel(shape)).fill(value), shape);
}
