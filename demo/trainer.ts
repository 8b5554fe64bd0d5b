import {
  accuracy,
  bookNet,
  type Callback,
  CancelFit,
  type EpochRecord,
  Learner,
  nn,
  type Splits,
  type StepRecord,
  sgd,
} from "../src/index.ts";

export const EPOCHS = 10;
const BATCH = 64;

export type TrainerState = "idle" | "compiling" | "running" | "paused" | "stopping" | "done";

/** What a trainer tells. */
export interface TrainerEvents {
  onState(state: TrainerState): void;
  onStep(record: StepRecord): void;
  onEpoch(record: EpochRecord): void;
  onError(error: unknown): void;
}

/** Stops before a batch while it is closed, or for good. */
class Gate implements Callback {
  readonly name = "gate";
  isCancelled = false;
  #closed: { readonly wait: Promise<void>; open(): void } | undefined;

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  close(): void {
    if (this.#closed) return;
    let open = () => {};
    const wait = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#closed = { wait, open };
  }

  open(): void {
    this.#closed?.open();
    this.#closed = undefined;
  }

  cancel(): void {
    this.isCancelled = true;
    this.open();
  }

  async beforeBatch(): Promise<void> {
    await this.#closed?.wait;
    if (this.isCancelled) throw new CancelFit();
  }
}

/** Trains the book's net again and again from new weights; one run at a time. */
export class Trainer {
  readonly #device: GPUDevice;
  readonly #data: Splits;
  readonly #events: TrainerEvents;
  #gate = new Gate();
  #run: Promise<void> | undefined;
  #seed = 0;

  constructor(device: GPUDevice, data: Splits, events: TrainerEvents) {
    this.#device = device;
    this.#data = data;
    this.#events = events;
  }

  /** Steps of a whole run. */
  get totalSteps(): number {
    return EPOCHS * Math.floor(this.#data.train.count / BATCH);
  }

  get batchSize(): number {
    return BATCH;
  }

  /** Starts a run, or goes on with one that pauses. */
  start(): void {
    if (!this.#run) this.#run = this.#train();
    else if (this.#gate.isClosed) {
      this.#gate.open();
      this.#events.onState("running");
    }
  }

  pause(): void {
    if (!this.#run) return;
    this.#gate.close();
    this.#events.onState("paused");
  }

  /** Ends the run and forgets it. */
  async reset(): Promise<void> {
    this.#events.onState("stopping");
    this.#gate.cancel();
    await this.#run;
    this.#events.onState("idle");
  }

  async #train(): Promise<void> {
    const gate = new Gate();
    this.#gate = gate;
    this.#seed++;
    this.#events.onState("compiling");
    // The page paints what it says before the graph is traced.
    await new Promise((resolve) => setTimeout(resolve, 30));
    let learner: Learner | undefined;
    try {
      learner = new Learner({
        device: this.#device,
        model: bookNet(),
        data: this.#data,
        loss: nn.crossEntropy(),
        optimizer: sgd(),
        metrics: [accuracy()],
        batchSize: BATCH,
        seed: this.#seed,
        callbacks: [gate, { name: "started", beforeFit: () => this.#started(gate) }],
      });
      learner.run.subscribe((event) => {
        if (gate.isCancelled) return;
        if (event.type === "step") this.#events.onStep(event.record);
        else if (event.type === "epoch") this.#events.onEpoch(event.record);
      });
      await learner.fitOneCycle(EPOCHS, { lrMax: 0.06 });
      if (!gate.isCancelled) this.#events.onState("done");
    } catch (error) {
      this.#events.onError(error);
    } finally {
      learner?.dispose();
      this.#run = undefined;
    }
  }

  #started(gate: Gate): void {
    if (!gate.isCancelled) this.#events.onState(gate.isClosed ? "paused" : "running");
  }
}
