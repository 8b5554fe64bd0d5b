import { DataError, DeviceError, OptionError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import type { DataSet } from "../data/data-set.ts";
import type { LearnerOptions } from "./learner.ts";

/** Errors  OptionError for counts or a seed out of range */
export function checkCounts(options: { batchSize?: number; accumulate: number; seed: number }): void {
  const { batchSize = 64, accumulate, seed } = options;
  for (const [name, value] of Object.entries({ batchSize, accumulate })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new OptionError({ op: "learner", problem: name, expected: "a positive integer", got: `${value}` });
  }
  if (Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff) return;
  throw new OptionError({
    op: "learner",
    problem: "seed",
    expected: "an integer from 0 to 4294967295",
    got: `${seed}`,
  });
}

/**
 * What half precision sets where the options do not.
 * Errors  DeviceError if halves are asked of a device without them; OptionError for the tuner beside them: it measures
 *         every kernel alone, on f32
 */
export function halfDefaults(options: LearnerOptions): Pick<LearnerOptions, "lossScale"> {
  const { half, tune, device } = options;
  if (!half) return {};
  if (!device.features.has("shader-f16")) {
    throw new DeviceError({
      op: "learner",
      problem: "half precision",
      expected: "a device with the feature shader-f16",
      got: `a device with ${[...device.features].sort().join(", ") || "no optional feature"}`,
      fix: "leave out `half`, or take the device from requestDevice on an adapter that has the feature",
    });
  }
  if (tune !== "auto") return { lossScale: "dynamic" };
  throw new OptionError({
    op: "learner",
    problem: "tune beside half",
    expected: '"off" or the tuning of an earlier run',
    got: '"auto"',
    fix: "leave out `tune`: kernels are measured on f32, which says nothing about f16",
  });
}

/** Errors  DataError if other data ("validation", "test") has not the form of the training data */
export function checkAlike(train: DataSet, data: DataSet, which: string): void {
  for (const group of ["inputs", "targets"] as const) {
    for (const [name, column] of Object.entries(train[group])) {
      const other = data[group][name];
      if (other && sameShape(other.shape, column.shape) && other.data.constructor === column.data.constructor)
        continue;
      throw new DataError({
        op: "learner",
        problem: `${name} of the ${which} data`,
        expected: `${column.data.constructor.name} of shape ${formatShape(column.shape)}, as in training`,
        got: other ? `${other.data.constructor.name} of shape ${formatShape(other.shape)}` : "none",
      });
    }
  }
}
