import type { DeviceContext } from "../gpu/context.ts";
import * as nn from "../nn/index.ts";
import { sgd } from "../optim/optimizer.ts";
import type { Callback } from "../train/callback.ts";
import { ActivationStats, GradientStats, WeightStats } from "../train/callbacks/activation-stats.ts";
import { NanGuard } from "../train/callbacks/nan-guard.ts";
import { Progress } from "../train/callbacks/progress.ts";
import { Recorder } from "../train/callbacks/recorder.ts";
import { Throughput } from "../train/callbacks/throughput.ts";
import { Learner } from "../train/learner.ts";
import { STEP_SEED, stepModel, workloadArrays } from "./arrays.ts";
import type { Contender, Results } from "./contender.ts";
import { type TurnOptions, takeTurns } from "./turns.ts";
import { CLASSES, HYPERS, type StepSize } from "./workload.ts";

/** Steps of one fit: five steps with activation statistics, one with those of gradients and weights. */
const STEPS = 50;

/** Sets of callbacks whose cost is measured, the empty one first. */
export const HOOK_SETS: Readonly<Record<string, () => readonly Callback[]>> = {
  none: () => [],
  "activation statistics of every layer, every 10th step": () => [
    new ActivationStats({ at: "*", every: 10 }),
  ],
  "activation statistics of every ReLU, every 10th step": () => [
    new ActivationStats({ at: { op: "relu" }, every: 10 }),
  ],
  "Recorder, statistics of ReLUs, gradients and weights, Throughput, NaN guard, Progress": () => [
    new Recorder(),
    new ActivationStats({ at: { op: "relu" }, every: 10 }),
    new GradientStats({ every: 50 }),
    new WeightStats({ every: 50 }),
    new Throughput(),
    new NanGuard(),
    new Progress({ write: () => {} }),
  ],
};

/** Time of a step with a set of callbacks. */
export interface HookRow {
  readonly name: string;
  /** Units  milliseconds a step */
  readonly samples: readonly number[];
}

/** A learner whose one run is a fit of fifty steps. */
class Training implements Contender {
  readonly name: string;
  readonly #learner: Learner;

  constructor(context: DeviceContext, size: StepSize, name: string) {
    const { x, labels } = workloadArrays({ kind: "step", ...size });
    const [images, classes] = [x!.data as Float32Array, labels!.data as Int32Array];
    const repeat = <T extends Float32Array | Int32Array>(data: T): T => {
      const all = new (data.constructor as new (length: number) => T)(data.length * STEPS);
      for (let i = 0; i < STEPS; i++) all.set(data, i * data.length);
      return all;
    };
    this.name = name;
    this.#learner = new Learner({
      device: context.device,
      model: stepModel(size).root,
      data: {
        train: {
          count: size.batch * STEPS,
          inputs: { x: { data: repeat(images), shape: size.input } },
          targets: { y: { data: repeat(classes), shape: [] } },
          classes: CLASSES,
        },
      },
      loss: nn.crossEntropy(),
      optimizer: sgd({ momentum: HYPERS.momentum }),
      batchSize: size.batch,
      seed: STEP_SEED,
      callbacks: HOOK_SETS[name]!(),
    });
  }

  async run(times: number): Promise<number> {
    const started = performance.now();
    await this.#learner.fit(times, { lr: HYPERS.lr, momentum: HYPERS.momentum });
    return performance.now() - started;
  }

  async first(): Promise<Results> {
    await this.run(1);
    return this.latest();
  }

  async latest(): Promise<Results> {
    return { loss: this.#learner.run.loss.values().slice(-1) };
  }

  dispose(): void {
    this.#learner.dispose();
  }
}

/** Times training with every set of callbacks, in turns. */
export async function measureHooks(
  context: DeviceContext,
  size: StepSize,
  options: TurnOptions,
): Promise<HookRow[]> {
  const trainings = Object.keys(HOOK_SETS).map((name) => new Training(context, size, name));
  try {
    for (const training of trainings) await training.first();
    const samples = await takeTurns(
      trainings.map((contender) => ({ contender })),
      options,
    );
    return trainings.map(({ name }, i) => ({ name, samples: samples[i]!.map((ms) => ms / STEPS) }));
  } finally {
    for (const training of trainings) training.dispose();
  }
}
