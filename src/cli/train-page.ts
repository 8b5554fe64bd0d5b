/** The part of `npm run train` that runs in headless Chrome. */
import { DataError, EngineError } from "../core/errors.ts";
import type { DataSet } from "../data/data-set.ts";
import { drawnDigits } from "../data/drawn-digits.ts";
import { idxSplits } from "../data/idx-folder.ts";
import { DIGIT_MOMENTS } from "../data/moments.ts";
import type { Splits } from "../data/split-last.ts";
import { describeAdapter, requestDevice } from "../gpu/request-device.ts";
import { buildModel, DEFAULT_CLASSES, modelEntry } from "../models/index.ts";
import * as nn from "../nn/index.ts";
import { sgd } from "../optim/optimizer.ts";
import * as schedules from "../optim/schedule.ts";
import type { EpochRecord } from "../train/callback.ts";
import { Progress } from "../train/callbacks/progress.ts";
import { Learner } from "../train/learner.ts";
import { accuracy } from "../train/metrics.ts";
import type { RunLog } from "../train/run.ts";
import type { ScheduleName } from "./options.ts";
import {
  type Answer,
  DATA_URL,
  type EpochResult,
  EVENT_FUNCTION,
  type Prepared,
  type PrepareRequest,
  type RunResult,
  type TrainEvent,
  type TrainRequest,
} from "./train-result.ts";

interface Session {
  readonly device: GPUDevice;
  readonly data: Splits;
  readonly shape: readonly number[];
  readonly classes: number;
}

let session: Session | undefined;

/** Requests the device, loads the data and checks that the model takes them. */
export function prepare(request: PrepareRequest): Promise<Answer<Prepared>> {
  return answer(async () => {
    const { labels } = modelEntry(request.model);
    if (labels === "pixel") {
      throw new DataError({
        op: `model ${request.model}`,
        problem: "labels",
        expected: "one for every pixel",
        got: "one for every image",
        fix: "train another model; npm run explain takes this one",
      });
    }
    const data = await loadData(request);
    const shape = data.train.inputs.x!.shape;
    const classes = classesOf(data);
    buildModel(request.model, { input: shape, classes });
    const device = await requestDevice({ onWarning: () => {} });
    session = { device, data, shape, classes };
    const { text, software } = describeAdapter(device);
    return { adapter: text, software, train: data.train.count, valid: data.valid.count, shape, classes };
  });
}

/** Trains one seed. */
export function train(request: TrainRequest): Promise<Answer<RunResult>> {
  return answer(async () => {
    const { device, data, shape, classes } = session!;
    const { model, seed, epochs, batch, lrMax, schedule } = request;
    const learner = new Learner({
      device,
      model: buildModel(model, { input: shape, classes }),
      data,
      loss: nn.crossEntropy(),
      optimizer: sgd(),
      metrics: [accuracy()],
      trainMetrics: true,
      batchSize: batch,
      seed,
      onWarning: (text) => send({ type: "note", text }),
    });
    const results: EpochResult[] = [];
    const report = learner.use(
      new Progress({
        report: (progress) => send({ type: "progress", progress }),
        reportEpoch: (record) => {
          const result = epochResult(record);
          results.push(result);
          send({ type: "epoch", epochs, result });
        },
      }),
    );
    try {
      const run = await fitBy(learner, schedule, epochs, lrMax);
      return {
        adapter: adapterName(device),
        model,
        seed,
        parameters: learner.model.parameterCount(),
        epochs: results,
        steps: learner.steps,
        msPerStep: report.msPerStep,
        history: {
          loss: [...run.loss.values()],
          lr: [...run.lr.values()],
          momentum: [...run.momentum.values()],
        },
      };
    } finally {
      learner.dispose();
    }
  });
}

/** Trains along a named course of the learning rate; momentum 0.9 where it stays. */
function fitBy(learner: Learner, schedule: ScheduleName, epochs: number, lrMax: number): Promise<RunLog> {
  if (schedule === "one-cycle") return learner.fitOneCycle(epochs, { lrMax });
  const lr = schedule === "constant" ? lrMax : schedules.flatCosine(lrMax, lrMax / 1e5);
  return learner.fit(epochs, { lr, momentum: 0.9 });
}

/** An epoch as the file holds it. */
function epochResult({ epoch, trainLoss, validLoss, metrics, seconds }: EpochRecord): EpochResult {
  return { epoch: epoch + 1, trainLoss, validLoss, validAccuracy: metrics.accuracy ?? Number.NaN, seconds };
}

/** The adapter's name without advice, for the file. */
function adapterName(device: GPUDevice): string {
  const { vendor, architecture, description } = describeAdapter(device);
  return (
    [vendor, architecture, description && `(${description})`].filter(Boolean).join(" ") || "unnamed adapter"
  );
}

async function answer<T>(body: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await body() };
  } catch (error) {
    // Anything but the engine's own errors is a fault of the program: its stack is wanted.
    if (!(error instanceof EngineError)) throw error;
    return { error: { name: error.name, message: error.message } };
  }
}

function send(event: TrainEvent): void {
  const scope = globalThis as unknown as Record<string, (event: TrainEvent) => void>;
  scope[EVENT_FUNCTION]?.(event);
}

async function loadData({ files, valid }: PrepareRequest): Promise<Splits> {
  const wanted = valid === null ? {} : { valid };
  if (files === null) return drawnDigits(wanted);
  const bytes: Record<string, Uint8Array> = {};
  for (const name of files) bytes[name] = await fetchFile(name);
  return idxSplits(bytes, { ...wanted, ...DIGIT_MOMENTS });
}

async function fetchFile(name: string): Promise<Uint8Array> {
  const response = await fetch(`${DATA_URL}/${encodeURIComponent(name)}`);
  if (!response.ok) {
    throw new DataError({
      op: "data",
      problem: `${name} cannot be read`,
      expected: "a file",
      got: `status ${response.status}`,
    });
  }
  return new Uint8Array(await response.arrayBuffer());
}

/** Ten, or more where labels go beyond 9. */
function classesOf({ train: first, valid }: Splits): number {
  return Math.max(DEFAULT_CLASSES, largestLabel(first) + 1, largestLabel(valid) + 1);
}

function largestLabel({ targets }: DataSet): number {
  return (targets.y!.data as Int32Array).reduce((most, label) => Math.max(most, label), 0);
}
