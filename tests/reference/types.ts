import type { Value } from "../../src/graph/value.ts";

/** A float64 tensor of the reference. Row-major in its logical (NCHW) shape. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  /**
   * Per element, the sum of the magnitudes of the terms whose sum that element is (for y = Σ x·w: Σ |x·w|).
   * It scales the tolerance: |got − data| <= 2e-6 · magnitude + 1e-7. Absent means |data|.
   */
  readonly magnitude?: Float64Array;
}

export type Tensors = Record<string, Tensor>;

/** Forward and gradient of one operator in float64, written without looking at the engine. */
export interface Reference {
  forward(inputs: Tensors, attrs: Attrs): Tensors;
  /** Gradient of Σ upstream·output with respect to every float input, keyed as `inputs`. */
  backward(inputs: Tensors, attrs: Attrs, upstream: Tensors): Tensors;
}

// biome-ignore lint/suspicious/noExplicitAny: attributes differ per operator; each reference narrows its own
export type Attrs = any;

/** How an input array is filled; every number comes from a seeded generator. */
export interface InputSpec {
  readonly shape: readonly number[];
  /** normal (default): N(mean 0, deviation 1) · scale + shift; uniform: [low, high); index: integers below `classes`; values: as given. */
  readonly fill?: "normal" | "uniform" | "index" | "values" | "distinct" | "ties";
  readonly scale?: number;
  readonly shift?: number;
  readonly low?: number;
  readonly high?: number;
  readonly classes?: number;
  readonly values?: readonly number[];
  readonly dtype?: "f32" | "i32";
  /** False for inputs that get no gradient (class indices, running statistics). */
  readonly gradient?: boolean;
}

/** One case of the sweep: inputs, attributes, how the engine is called, and the reference it must agree with. */
export interface OpCase {
  /** Operator name for the printed count, for example "conv2d". */
  readonly op: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly attrs: Attrs;
  readonly mode?: "train" | "eval";
  /** Builds the graph with the public ops. Output names must equal the reference's. */
  run(values: Record<string, Value>, attrs: Attrs): Record<string, Value>;
  readonly reference: Reference;
  /** Inputs (running statistics) whose new value the reference returns from forward under the same name, compared after a training run. */
  readonly state?: readonly string[];
}
