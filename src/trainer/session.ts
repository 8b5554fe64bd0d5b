import { DeviceError, EngineError } from "../core/errors.ts";
import { requestDevice } from "../gpu/request-device.ts";
import { TrainingJob, type TrainingSetup } from "./job.ts";
import type { Command, Failure, SessionMessage } from "./messages.ts";

let shared: Promise<GPUDevice> | undefined;

/** The one device of this page or worker; a new one after it was lost. */
function device(): Promise<GPUDevice> {
  shared ??= requestDevice({ onWarning: () => {} });
  const asked = shared;
  const forget = () => {
    if (shared === asked) shared = undefined;
  };
  asked.then(({ lost }) => void lost.then(forget), forget);
  return asked;
}

/** Trains on command, one job at a time. */
export class Session {
  readonly #tell: (message: SessionMessage) => void;
  #job: TrainingJob | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(tell: (message: SessionMessage) => void) {
    this.#tell = tell;
  }

  handle(command: Command): void {
    const job = this.#job;
    switch (command.type) {
      case "start":
        job?.stop();
        this.#ended = this.#ended.then(() => this.#run(command.setup));
        break;
      case "hypers":
        job?.setHypers(command.live);
        break;
      case "weights":
        void this.#weights(command.id);
        break;
      default:
        job?.[command.type]();
    }
  }

  async #run(setup: TrainingSetup): Promise<void> {
    this.#job?.dispose();
    let job: TrainingJob | undefined;
    try {
      job = new TrainingJob(await device(), setup, this.#tell);
      this.#job = job;
      await job.run();
    } catch (error) {
      job?.dispose();
      this.#job = undefined;
      this.#tell({ type: "failed", failure: failureOf(error) });
    }
  }

  async #weights(id: number): Promise<void> {
    try {
      this.#tell({ type: "weights", id, file: await this.#job?.weights() });
    } catch (error) {
      this.#tell({ type: "failed", failure: failureOf(error) });
    }
  }

  /** Ends what runs, and lets go of its memory. */
  async dispose(): Promise<void> {
    this.#job?.stop();
    await this.#ended;
    this.#job?.dispose();
    this.#job = undefined;
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof EngineError)) {
    return { noDevice: false, problem: error instanceof Error ? error.message : String(error) };
  }
  const { op, problem, got, fix } = error.details;
  const noDevice = error instanceof DeviceError && op === "requestDevice";
  return { noDevice, problem, ...(got && { got }), ...(fix && { fix }) };
}
