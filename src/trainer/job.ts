import type { RunMessage } from "../dashboard/run-data.ts";
import { RunReporter, type RunReporterOptions } from "../dashboard/run-reporter.ts";
import { drawnDigits } from "../data/drawn-digits.ts";
import type { Splits } from "../data/idx-folder.ts";
import { saveSafetensors } from "../files/state-dict.ts";
import { describeAdapter } from "../gpu/request-device.ts";
import { buildModel, type ModelName } from "../models/index.ts";
import { crossEntropy } from "../nn/losses.ts";
import { sgd } from "../optim/optimizer.ts";
import type { FitContext } from "../train/callback.ts";
import { drawnExamples } from "../train/drawn-examples.ts";
import { Learner } from "../train/learner.ts";
import { accuracy } from "../train/metrics.ts";
import { summary } from "../train/summary.ts";
import { Gate } from "./gate.ts";

/** What to train, as plain data. */
export interface TrainingSetup {
  readonly model: ModelName;
  readonly dataset: "digits";
  readonly epochs: number;
  readonly batchSize: number;
  /** Peak of one-cycle, the rate of the others. */
  readonly lr: number;
  readonly schedule: ScheduleName;
  /** With a seed, kernels are not tuned: same seed, same device, same bits. */
  readonly seed?: number | undefined;
  readonly report?: RunReporterOptions;
}

export const SCHEDULES = ["one-cycle", "constant", "flat-cos"] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** What a visitor changes while it trains. */
export interface LiveHypers {
  /** Factor on the scheduled learning rate. */
  readonly lrFactor: number;
  /** In place of the scheduled momentum. */
  readonly momentum: number | undefined;
}

export type JobState = "loading" | "running" | "paused" | "done" | "stopped";
export type JobMessage = RunMessage | { readonly type: "state"; readonly state: JobState };

/** Images that are shown of the data, in two rows. */
const SAMPLES = 40;

/** One run from new weights to its end: trains, pauses, steps, stops, and tells of it. */
export class TrainingJob {
  readonly #device: GPUDevice;
  readonly #setup: TrainingSetup;
  readonly #tell: (message: JobMessage) => void;
  readonly #gate = new Gate();
  #live: LiveHypers = { lrFactor: 1, momentum: undefined };
  #learner: Learner | undefined;
  #isRunning = false;

  constructor(device: GPUDevice, setup: TrainingSetup, tell: (message: JobMessage) => void) {
    this.#device = device;
    this.#setup = setup;
    this.#tell = tell;
  }

  /** Trains to the end. Errors  what the learner throws */
  async run(): Promise<void> {
    const { epochs, batchSize, seed, report } = this.#setup;
    this.#tell({ type: "state", state: "loading" });
    const data = drawnDigits();
    const learner = new Learner({
      device: this.#device,
      model: buildModel(this.#setup.model, { input: data.train.inputs.x!.shape }),
      data,
      loss: crossEntropy(),
      optimizer: sgd(),
      metrics: [accuracy()],
      batchSize,
      seed: seed ?? randomSeed(),
      tune: seed === undefined ? "auto" : "off",
      onWarning: () => {},
      callbacks: [
        this.#gate,
        { name: "live", order: 10, beforeBatch: (context) => this.#beforeBatch(context) },
        new RunReporter(this.#tell, report),
      ],
    });
    this.#learner = learner;
    this.#describe(learner, data);
    await this.#showSamples(data);
    await this.#fit(learner, epochs);
    this.#isRunning = false;
    this.#tell({ type: "state", state: this.#gate.isCancelled ? "stopped" : "done" });
  }

  #describe(learner: Learner, data: Splits): void {
    const shape = data.train.inputs.x!.shape;
    const { optimizer, batchSize } = learner;
    const { rows, totals, memory, batch } = summary(learner.model, shape, { batch: batchSize, optimizer });
    this.#tell({ type: "info", info: { adapter: describeAdapter(this.#device).text } });
    this.#tell({ type: "summary", summary: { rows, totals, memory, batch } });
  }

  async #showSamples({ train }: Splits): Promise<void> {
    const [, height, width] = train.inputs.x!.shape as readonly [number, number, number];
    const { x } = await drawnExamples(this.#device, train, { count: SAMPLES });
    const samples = { width, height, count: SAMPLES, columns: SAMPLES / 2, pixels: x! };
    this.#tell({ type: "samples", samples });
  }

  async #fit(learner: Learner, epochs: number): Promise<void> {
    const { schedule, lr } = this.#setup;
    if (schedule === "one-cycle") await learner.fitOneCycle(epochs, { lrMax: lr });
    else if (schedule === "flat-cos") await learner.fitFlatCos(epochs, { lr });
    else await learner.fit(epochs, { lr });
  }

  #beforeBatch(context: FitContext): void {
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#tell({ type: "state", state: this.#gate.isClosed ? "paused" : "running" });
    }
    const { lrFactor, momentum } = this.#live;
    if (lrFactor !== 1) context.lr *= lrFactor;
    if (momentum !== undefined) context.momentum = momentum;
  }

  setHypers(live: LiveHypers): void {
    this.#live = live;
  }

  pause(): void {
    if (this.#gate.isClosed || this.#gate.isCancelled) return;
    this.#gate.close();
    this.#tell({ type: "state", state: "paused" });
  }

  resume(): void {
    if (!this.#gate.isClosed) return;
    this.#gate.open();
    this.#tell({ type: "state", state: "running" });
  }

  /** Lets one batch through while it is paused. */
  step(): void {
    this.#gate.letThrough();
  }

  /** Ends the run after the batches that were sent. */
  stop(): void {
    this.#gate.cancel();
  }

  /** The model's weights as a safetensors file. */
  async weights(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#learner && saveSafetensors(this.#learner);
  }

  dispose(): void {
    this.#learner?.dispose();
    this.#learner = undefined;
  }
}

function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
