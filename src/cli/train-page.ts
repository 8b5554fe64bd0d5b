/** The part of `npm run train` that runs in headless Chrome. */
import { DataError } from "../core/errors.ts";
import type { DataSet } from "../data/data-set.ts";
import type { Splits } from "../data/split-last.ts";
import { describeAdapter, requestDevice } from "../gpu/request-device.ts";
import { buildModel, DEFAULT_CLASSES, modelEntry } from "../models/index.ts";
import * as nn from "../nn/index.ts";
import { sgd } from "../optim/optimizer.ts";
import * as schedules from "../optim/schedule.ts";
import type { EpochRecord } from "../train/callback.ts";
import { Progress } from "../train/callbacks/progress.ts";
import { TensorBoard } from "../train/callbacks/tensorboard.ts";
import { Learner } from "../train/learner.ts";
import { accuracy } from "../train/metrics.ts";
import type { RunLog } from "../train/run.ts";
import type { ScheduleName } from "./options.ts";
import { adapterName, answer, loadData, loadTest } from "./page.ts";
import {
  type Answer,
  type EpochResult,
  EVENT_FUNCTION,
  LOG_FUNCTION,
  type LogChunk,
  type Prepared,
  type PrepareRequest,
  type RunResult,
  type TestResult,
  type TrainEvent,
  type TrainRequest,
} from "./train-result.ts";

interface Session {
  readonly device: GPUDevice;
  /** Of a seed: built-in images are drawn from it, files are the same for all. */
  data(seed: number): Splits;
  readonly test: DataSet | undefined;
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
    const dataOf = await loadData(request);
    const data = dataOf(1);
    const test = request.test ? await loadTest(request.test) : undefined;
    const shape = data.train.inputs.x!.shape;
    const classes = classesOf([data.train, data.valid, ...(test ? [test] : [])]);
    buildModel(request.model, { input: shape, classes });
    const device = await requestDevice({ onWarning: () => {} });
    session = { device, data: dataOf, test, shape, classes };
    const { text, software } = describeAdapter(device);
    return { adapter: text, software, train: data.train.count, valid: data.valid.count, shape, classes };
  });
}

/** Trains one seed. */
export function train(request: TrainRequest): Promise<Answer<RunResult>> {
  return answer(async () => {
    const { device, data, test, shape, classes } = session!;
    const { model, seed, epochs, batch, lrMax, schedule, log } = request;
    const learner = new Learner({
      device,
      model: buildModel(model, { input: shape, classes }),
      data: { ...data(seed), ...(test && { test }) },
      loss: nn.crossEntropy(),
      optimizer: sgd(),
      metrics: [accuracy()],
      trainMetrics: true,
      batchSize: batch,
      seed,
      onWarning: (text) => send({ type: "note", text }),
    });
    const results: EpochResult[] = [];
    const report = learner.use(reportTo(results, epochs));
    if (log !== null) learner.use(logOf(log, request));
    try {
      const run = await fitBy(learner, schedule, epochs, lrMax);
      const tested = test && (await testRun(learner, test));
      return {
        adapter: adapterName(device),
        model,
        seed,
        parameters: learner.model.parameterCount(),
        epochs: results,
        steps: learner.steps,
        msPerStep: report.msPerStep,
        ...(tested && { test: tested }),
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

/** Tells the terminal how a run goes on, and keeps its epochs. */
function reportTo(results: EpochResult[], epochs: number): Progress {
  return new Progress({
    report: (progress) => send({ type: "progress", progress }),
    reportEpoch: (record) => {
      const result = epochResult(record);
      results.push(result);
      send({ type: "epoch", epochs, result });
    },
  });
}

/** Trains along a named course of the learning rate; momentum 0.9 where it stays. */
function fitBy(learner: Learner, schedule: ScheduleName, epochs: number, lrMax: number): Promise<RunLog> {
  if (schedule === "one-cycle") return learner.fitOneCycle(epochs, { lrMax });
  const lr = schedule === "constant" ? lrMax : schedules.flatCosine(lrMax, lrMax / 1e5);
  return learner.fit(epochs, { lr, momentum: 0.9 });
}

async function testRun(learner: Learner, { count }: DataSet): Promise<TestResult> {
  const { metrics } = await learner.validate("test");
  const result = { images: count, accuracy: metrics.accuracy! };
  send({ type: "test", result });
  return result;
}

/** An epoch as the file holds it. */
function epochResult({ epoch, trainLoss, validLoss, metrics, seconds }: EpochRecord): EpochResult {
  return { epoch: epoch + 1, trainLoss, validLoss, validAccuracy: metrics.accuracy ?? Number.NaN, seconds };
}

/** The callback that writes a run's log. */
function logOf(run: string, { model, seed }: TrainRequest): TensorBoard {
  const { device, data } = session!;
  const text = { model, data: `${data(seed).train.count} examples`, adapter: adapterName(device) };
  return new TensorBoard({ write: (chunk) => sendChunk(run, chunk), text });
}

/** Hands a piece of the log to the terminal, and waits until it is on disk. */
function sendChunk(run: string, chunk: Uint8Array): Promise<void> {
  const scope = globalThis as unknown as Record<string, (chunk: LogChunk) => Promise<void>>;
  let text = "";
  for (let i = 0; i < chunk.length; i += 8192) text += String.fromCharCode(...chunk.subarray(i, i + 8192));
  return scope[LOG_FUNCTION]!({ run, data: btoa(text) });
}

function send(event: TrainEvent): void {
  const scope = globalThis as unknown as Record<string, (event: TrainEvent) => void>;
  scope[EVENT_FUNCTION]?.(event);
}

/** Ten, or more where labels go beyond 9. */
function classesOf(all: readonly DataSet[]): number {
  return Math.max(DEFAULT_CLASSES, ...all.map((data) => largestLabel(data) + 1));
}

function largestLabel({ targets }: DataSet): number {
  return (targets.y!.data as Int32Array).reduce((most, label) => Math.max(most, label), 0);
}
