import { DataError } from "../core/errors.ts";
import { numel, type Shape } from "../core/shape.ts";
import { EXAMPLE_LOSS } from "./graphs.ts";
import type { Learner } from "./learner.ts";
import { evaluationBatch } from "./validate.ts";

/** Outputs of every example of the validation data, in its order, in evaluation mode. */
export interface Examples {
  readonly count: number;
  /** Of one example: [classes], or [classes, ...positions]. */
  readonly shape: Shape;
  readonly outputs: Float32Array;
  /** By example; undefined unless asked for. */
  readonly losses: Float32Array | undefined;
  /** The integer labels, where the data set has one column of them. */
  readonly labels: Int32Array | undefined;
}

/**
 * Runs the validation data and reads what the model gives.
 * Errors  DataError without validation data, or for a model of several outputs
 */
export async function validationExamples(learner: Learner, op: string, withLoss: boolean): Promise<Examples> {
  const { program, feeder, options } = learner;
  const data = options.data.valid;
  if (!data) {
    throw new DataError({
      op,
      problem: "no validation data",
      fix: "pass data: { train, valid } to the Learner",
    });
  }
  await feeder.drain();
  learner.upload("valid");
  const batch = evaluationBatch(data.count, learner.batchSize);
  const losses = withLoss ? new Float32Array(data.count) : undefined;
  let outputs = new Float32Array(0);
  let shape: Shape = [];
  for (let start = 0; start < data.count; start += batch) {
    const size = Math.min(batch, data.count - start);
    const key = await program.examples("valid", data, size, withLoss);
    const row = { step: learner.steps, seed: options.seed, batchStart: start, batchSize: size };
    await program.engine.ready();
    await program.engine.submit([{ plan: key, row }]);
    const given = program.engine.plan(key)!.outputs.output;
    if (!given) throw new DataError({ op, problem: "outputs of the model", expected: "one", got: "several" });
    shape = given.physical.shape.slice(1);
    if (start === 0) outputs = new Float32Array(data.count * numel(shape));
    outputs.set((await program.engine.readOutput(key, "output")) as Float32Array, start * numel(shape));
    losses?.set((await program.engine.readOutput(key, EXAMPLE_LOSS)) as Float32Array, start);
  }
  const [target, ...others] = Object.values(data.targets);
  const labels = others.length === 0 && target?.data instanceof Int32Array ? target.data : undefined;
  return { count: data.count, shape, outputs, losses, labels };
}

/**
 * Class of the largest score at every position of every example; −1 where a score is NaN. Equal scores give the first.
 * Shapes  result [count, ...positions]
 */
export function predictedClasses({ count, shape, outputs }: Examples): Int32Array {
  const [classes = 1, ...rest] = shape;
  const positions = numel(rest);
  return Int32Array.from({ length: count * positions }, (_, i) => {
    const first = Math.floor(i / positions) * classes * positions + (i % positions);
    let best = 0;
    for (let c = 0; c < classes; c++) {
      const score = outputs[first + c * positions]!;
      if (Number.isNaN(score)) return -1;
      if (score > outputs[first + best * positions]!) best = c;
    }
    return best;
  });
}
