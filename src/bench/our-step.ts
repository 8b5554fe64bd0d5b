import type { DataSet } from "../data/data-set.ts";
import type { DeviceContext } from "../gpu/context.ts";
import * as nn from "../nn/index.ts";
import { groupHypers, sgd } from "../optim/optimizer.ts";
import type { StepPlan } from "../plan/step-plan.ts";
import { LOSS_COLUMN, type Recipe } from "../train/graphs.ts";
import { Program } from "../train/program.ts";
import { STEP_SEED, stepModel, workloadArrays } from "./arrays.ts";
import type { Contender, Results } from "./contender.ts";
import { CLASSES, HYPERS, type StepSize } from "./workload.ts";

/** What a step is traced from: cross-entropy, SGD with momentum. */
export function stepRecipe(size: StepSize): Recipe {
  return {
    model: stepModel(size),
    loss: nn.crossEntropy(),
    metrics: [],
    optimizer: sgd({ momentum: HYPERS.momentum }),
    accumulate: 1,
    trainMetrics: false,
  };
}

/** A data set of exactly one batch, so that every step sees the same examples. */
export function stepData(size: StepSize): DataSet {
  const { x, labels } = workloadArrays({ kind: "step", ...size });
  return {
    count: size.batch,
    inputs: { x: { data: x!.data as Float32Array, shape: size.input } },
    targets: { y: { data: labels!.data as Int32Array, shape: [] } },
    classes: CLASSES,
  };
}

/** Our side of a whole training step: the engine as the learner drives it, one submit a step, the loss read back. */
export class OurStep implements Contender {
  readonly name = "wgfit";
  readonly #program: Program;
  readonly #size: StepSize;
  #key = "";
  #step = 0;
  #latest = Number.NaN;

  constructor(context: DeviceContext, size: StepSize) {
    this.#program = new Program(context.device, stepRecipe(size), STEP_SEED);
    this.#size = size;
  }

  get plan(): StepPlan {
    return this.#program.engine.plan(this.#key)!;
  }

  async first(): Promise<Results> {
    const data = stepData(this.#size);
    const { engine } = this.#program;
    this.#key = await this.#program.step("train", data, this.#size.batch);
    engine.upload("train.x", data.inputs.x!.data);
    engine.upload("train.y", data.targets.y!.data);
    engine.upload(
      "train.indices",
      Uint32Array.from({ length: data.count }, (_, i) => i),
    );
    return { loss: Float32Array.of(await this.#submit()) };
  }

  async latest(): Promise<Results> {
    return { lossAfterUpdate: Float32Array.of(this.#latest) };
  }

  /** One step in a submit of its own; its loss, when the device has finished. */
  async #submit(): Promise<number> {
    const { engine, recipe } = this.#program;
    const { lr, momentum } = HYPERS;
    await engine.ready();
    const row = {
      step: this.#step++,
      seed: 0,
      recordRow: 0,
      batchSize: this.#size.batch,
      groups: groupHypers(recipe.optimizer, { lr, momentum }),
    };
    const { scalars } = await engine.submit([{ plan: this.#key, row }]);
    return scalars[LOSS_COLUMN]!;
  }

  async run(times: number): Promise<number> {
    const started = performance.now();
    const { engine } = this.#program;
    const arriving: Promise<number>[] = [];
    for (let i = 0; i < times; i++) {
      await engine.ready();
      arriving.push(this.#submit());
    }
    this.#latest = (await Promise.all(arriving)).at(-1)!;
    return performance.now() - started;
  }

  dispose(): void {
    this.#program.engine.dispose();
  }
}
