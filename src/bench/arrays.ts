import { hashString, randomUnit, streamKey } from "../core/random.ts";
import { numel, type Shape } from "../core/shape.ts";
import { buildModel } from "../models/index.ts";
import { Model } from "../nn/model.ts";
import { scaledCnn } from "./scaled-model.ts";
import { CLASSES, type ConvSize, type StepSize, type Workload } from "./workload.ts";

/** An array in logical row-major order: NCHW, weights [K, C, R, S]. */
export interface BenchArray<T extends Float32Array | Int32Array = Float32Array | Int32Array> {
  readonly shape: Shape;
  readonly data: T;
}

export type BenchArrays = Readonly<Record<string, BenchArray>>;

const SEED = 7;

/** Uniform numbers in [−1, 1) times `scale`, the same for every contender. */
function uniform(name: string, shape: Shape, scale = 1): BenchArray<Float32Array> {
  const key = streamKey(SEED, hashString(name));
  const data = Float32Array.from({ length: numel(shape) }, (_, i) => (2 * randomUnit(key, i) - 1) * scale);
  return { shape, data };
}

function labels(count: number, classes: number): BenchArray<Int32Array> {
  const key = streamKey(SEED, hashString("labels"));
  return {
    shape: [count],
    data: Int32Array.from({ length: count }, (_, i) => Math.floor(randomUnit(key, i) * classes)),
  };
}

function convArrays({ batch, channels, height, width, filters, kernel }: ConvSize): BenchArrays {
  return {
    x: uniform("x", [batch, channels, height, width]),
    weight: uniform("weight", [filters, channels, kernel, kernel], 1 / Math.sqrt(channels * kernel * kernel)),
    dy: uniform("dy", [batch, filters, height, width]),
  };
}

function blockArrays(size: ConvSize): BenchArrays {
  const { x, weight } = convArrays(size);
  const { batch, filters, height, width } = size;
  return {
    x: x!,
    weight: weight!,
    gamma: uniform("gamma", [filters], 0.5),
    beta: uniform("beta", [filters], 0.5),
    dy: uniform("dy", [batch, filters, height / 2, width / 2]),
  };
}

/** The model of a step. */
export function stepModel({ model, input, scale }: StepSize): Model {
  return new Model(
    scale === undefined ? buildModel(model, { input, classes: CLASSES }) : scaledCnn(input[0], scale),
  );
}

/** Initial value of every parameter of a step, by its name in the model. */
export function stepParameters(model: Model): Record<string, BenchArray<Float32Array>> {
  return Object.fromEntries(
    model.parameters().map((state) => [
      state.name,
      {
        shape: state.shape,
        data: state.init(state.shape, streamKey(SEED, hashString(state.name))) as Float32Array,
      },
    ]),
  );
}

/** Seed whose initial values a program draws as `stepParameters` does. */
export const STEP_SEED = SEED;

/** Input arrays of a workload; of a step, its batch (the parameters are the model's). */
export function workloadArrays(workload: Workload): BenchArrays {
  switch (workload.kind) {
    case "matmul": {
      const { m, n, k } = workload;
      return { a: uniform("a", [m, k]), b: uniform("b", [k, n], 1 / Math.sqrt(k)) };
    }
    case "conv":
      return convArrays(workload);
    case "convBlock":
      return blockArrays(workload);
    case "batchNorm": {
      const { shape } = workload;
      const channels = [shape[1]!];
      return {
        x: uniform("x", shape),
        gamma: uniform("gamma", channels),
        beta: uniform("beta", channels),
        dy: uniform("dy", shape),
      };
    }
    case "pool": {
      const [n, c, h, w] = workload.shape as [number, number, number, number];
      return { x: uniform("x", workload.shape), dy: uniform("dy", [n, c, h / 2, w / 2]) };
    }
    case "statistics": {
      const { shape, data } = uniform("x", workload.shape);
      return { x: { shape, data: data.map((value) => value + 0.5) } };
    }
    case "crossEntropy": {
      const { batch, classes } = workload;
      return { logits: uniform("logits", [batch, classes], 3), labels: labels(batch, classes) };
    }
    case "optimizer": {
      const shape = [workload.count];
      return { params: uniform("params", shape), grads: uniform("grads", shape) };
    }
    case "step": {
      const { batch, input } = workload;
      return { x: uniform("x", [batch, ...input]), labels: labels(batch, CLASSES) };
    }
  }
}
