/** The part of `npm run profile` that runs in headless Chrome. */
import { measureCeilings } from "../bench/ceilings.ts";
import { EngineError } from "../core/errors.ts";
import { randomUnit } from "../core/random.ts";
import { numel } from "../core/shape.ts";
import { dataSet } from "../data/data-set.ts";
import { contextOf } from "../gpu/context.ts";
import { describeAdapter, requestDevice } from "../gpu/request-device.ts";
import { buildModel, DEFAULT_CLASSES, modelEntry } from "../models/index.ts";
import * as nn from "../nn/index.ts";
import { sgd } from "../optim/optimizer.ts";
import { Learner } from "../train/learner.ts";
import type { StepProfile } from "../train/profile.ts";
import { profileStep } from "../train/profile-step.ts";
import { memoryStore } from "../tune/store.ts";
import { type NodeResult, tune } from "../tune/tuner.ts";
import type { Answer } from "./train-result.ts";

/** How long the adapter's ceilings are measured: rounds, and milliseconds of a sample. */
const CEILING_ROUNDS = 3;
const CEILING_MS = 60;

export interface ProfileRequest {
  readonly model: string;
  readonly batch: number;
  readonly tune: boolean;
}

export interface ProfileAnswer {
  readonly adapter: string;
  readonly profile: StepProfile;
  /** What the tuner measured, where it was asked to. */
  readonly tuned: readonly NodeResult[];
}

/** Profiles a training step of a model on random images. */
export async function profile(request: ProfileRequest): Promise<Answer<ProfileAnswer>> {
  try {
    return { value: await profileModel(request) };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { error: { name: error.name, message: error.message } };
  }
}

async function profileModel({ model, batch, tune: isTuned }: ProfileRequest): Promise<ProfileAnswer> {
  const device = await requestDevice({ onWarning: () => {} });
  const options = learnerOptions(device, model, batch);
  const untuned = new Learner(options);
  let learner = untuned;
  let tuned: readonly NodeResult[] = [];
  try {
    if (isTuned) {
      const graph = untuned.program.stepGraph(options.data.train, batch);
      const { choices, measured } = await tune(device, graph, { store: memoryStore() });
      tuned = measured;
      learner = new Learner({ ...options, tune: [{ step: 0, choices }] });
    }
    const { fma, copy } = await measureCeilings(contextOf(device), CEILING_ROUNDS, CEILING_MS);
    const profile = await profileStep(learner, { ceilings: { gflops: fma, gbytes: copy } });
    return { adapter: describeAdapter(device).text, profile, tuned };
  } finally {
    untuned.dispose();
    learner.dispose();
  }
}

function learnerOptions(device: GPUDevice, name: string, batch: number) {
  const { input, labels } = modelEntry(name);
  const shape = labels === "pixel" ? input.slice(1) : [];
  const images = Uint8Array.from({ length: batch * numel(input) }, (_, i) => 256 * randomUnit(1, i));
  const classes = Int32Array.from(
    { length: batch * numel(shape) },
    (_, i) => DEFAULT_CLASSES * randomUnit(2, i),
  );
  return {
    device,
    model: buildModel(name),
    data: {
      train: dataSet({
        inputs: { data: images, shape: input },
        targets: { data: classes, shape },
        classes: DEFAULT_CLASSES,
      }),
    },
    loss: nn.crossEntropy(),
    optimizer: sgd({ momentum: 0.9 }),
    batchSize: batch,
    seed: 1,
  };
}
