import { html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import { Replay } from "../dashboard/replay.ts";
import { RunData, type RunJson, type RunMessage } from "../dashboard/run-data.ts";
import { shared, wantsStillness } from "../dashboard/theme.ts";
import type { ModelName } from "../models/index.ts";
import { type Host, pageHost, workerHost } from "./host.ts";
import type { JobState, ScheduleName, TrainingSetup } from "./job.ts";
import type { Command, Failure, SessionMessage } from "./messages.ts";
import { trainerStyle } from "./trainer-style.ts";

export type TrainerState = "idle" | "loading" | "running" | "paused" | "done" | "error" | "unsupported";

/** How long a replay lasts. */
const REPLAY_SECONDS = 20;

const WORDS: Readonly<Record<TrainerState, string>> = {
  idle: "Ready.",
  loading: "Compiling the training step …",
  running: "Training.",
  paused: "Paused.",
  done: "Done.",
  error: "Stopped.",
  unsupported: "No training without WebGPU.",
};

/**
 * Trains a model in this page, in a worker where that has WebGPU. Nothing touches the GPU before it starts.
 * @fires wgfit-run - When a new run begins; it is in `run`
 * @fires wgfit-ready - When the step is compiled and training begins
 * @fires wgfit-batch - At most once a frame; detail: the last step's numbers
 * @fires wgfit-epoch - detail: the epoch's numbers
 * @fires wgfit-done - At the end; detail: { steps }
 * @fires wgfit-error - detail: { problem, got, fix }
 * @fires wgfit-unsupported - Where there is no WebGPU; detail: { problem, got, fix }
 * @csspart toolbar - The buttons and sliders
 * @csspart status - What it does, in words
 * @slot controls - More controls, beside its own
 * @slot fallback - In place of the text where there is no WebGPU
 */
export class WgfitTrainer extends LitElement {
  static override properties = {
    model: { type: String },
    source: { type: String, attribute: "dataset" },
    epochs: { type: Number },
    batchSize: { type: Number, attribute: "batch-size" },
    lr: { type: Number },
    schedule: { type: String },
    seed: { type: Number },
    autoplay: { type: Boolean },
    place: { type: String },
    replay: { type: String },
    state: { type: String, reflect: true },
    failure: { state: true },
    lrPower: { state: true },
    momentum: { state: true },
  };
  static override styles = [shared, trainerStyle];

  /** Name of a model: "book", "book-plain", "mlp", "cnn" ... */
  declare model: ModelName;
  /** The data: "digits", which are drawn on the spot. */
  declare source: "digits";
  declare epochs: number;
  declare batchSize: number;
  declare lr: number;
  /** "one-cycle", "constant" or "flat-cos". */
  declare schedule: ScheduleName;
  /** With a seed the run repeats bit for bit, and kernels are not tuned. */
  declare seed: number | null;
  /** Start by itself. */
  declare autoplay: boolean;
  /** "page" trains in the page's own thread. Default "worker". */
  declare place: "worker" | "page";
  /** Address of a recorded run, which plays where there is no WebGPU. */
  declare replay: string | null;
  /** What it does; to read, not to set. */
  declare state: TrainerState;
  declare failure: Failure | undefined;
  declare lrPower: number;
  declare momentum: number | undefined;
  /** The run under way, or the last one. */
  run: RunData | undefined;
  #host: Host | undefined;
  #replay: Replay | undefined;
  #hasStarted = false;
  #isBatchDue = false;
  #weights = new Map<number, (file: Uint8Array<ArrayBuffer> | undefined) => void>();

  constructor() {
    super();
    Object.assign(this, { model: "book", source: "digits", epochs: 5, batchSize: 64, lr: 0.06 });
    Object.assign(this, {
      schedule: "one-cycle",
      place: "worker",
      autoplay: false,
      state: "idle",
      lrPower: 0,
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.autoplay && !this.#hasStarted) void this.updateComplete.then(() => this.start());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // Moving an element disconnects it for a moment.
    queueMicrotask(() => {
      if (!this.isConnected) this.reset();
    });
  }

  /** Where it trains now. */
  get host(): "worker" | "page" | undefined {
    return this.#host?.place;
  }

  /** Starts a run from new weights, or goes on with one that pauses. */
  start(): void {
    if (this.state === "loading" || this.state === "running") return;
    if (this.state === "paused") {
      this.resume();
      return;
    }
    this.#hasStarted = true;
    this.#newRun();
    this.failure = undefined;
    this.state = "loading";
    const host = this.place === "page" ? this.#inPage() : this.#inWorker();
    host.post({ type: "start", setup: this.#setup() });
    this.#sendHypers();
  }

  pause(): void {
    if (this.#replay && this.state === "running") {
      this.#replay.pause();
      this.state = "paused";
    } else this.#post({ type: "pause" });
  }

  resume(): void {
    if (this.#replay && this.state === "paused") {
      this.#replay.play();
      this.state = "running";
    } else this.#post({ type: "resume" });
  }

  /** One batch, while it pauses. */
  step(): void {
    if (this.#replay && this.state === "paused") this.#replay.step();
    else if (this.state === "paused") this.#post({ type: "step" });
  }

  /** Ends the run; its curves and weights stay. */
  stop(): void {
    if (this.#replay) {
      this.#replay.pause();
      this.state = "done";
    } else this.#post({ type: "stop" });
  }

  /** Ends the run and forgets it. */
  reset(): void {
    this.#replay?.pause();
    this.#replay = undefined;
    this.#host?.dispose();
    this.#host = undefined;
    for (const answer of this.#weights.values()) answer(undefined);
    this.#weights.clear();
    if (this.state !== "idle") this.#newRun();
    this.state = "idle";
  }

  /** The weights as a safetensors file; undefined where nothing was trained. */
  exportCheckpoint(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!this.#host) return Promise.resolve(undefined);
    const id = this.#weights.size + 1;
    const file = new Promise<Uint8Array<ArrayBuffer> | undefined>((resolve) =>
      this.#weights.set(id, resolve),
    );
    this.#post({ type: "weights", id });
    return file;
  }

  #setup(): TrainingSetup {
    const { model, source, epochs, batchSize, lr, schedule } = this;
    return { model, dataset: source, epochs, batchSize, lr, schedule, seed: this.seed ?? undefined };
  }

  #inWorker(): Host {
    if (this.#host) return this.#host;
    const host = workerHost(
      (message) => this.#hear(message, host),
      () => this.#moveToPage(),
    );
    this.#host = host;
    return host;
  }

  #inPage(): Host {
    if (this.#host?.place === "page") return this.#host;
    this.#host?.dispose();
    const host = pageHost((message) => this.#hear(message, host));
    this.#host = host;
    return host;
  }

  /** What a worker cannot do, the page may. */
  #moveToPage(): void {
    this.#inPage().post({ type: "start", setup: this.#setup() });
    this.#sendHypers();
  }

  #post(command: Command): void {
    this.#host?.post(command);
  }

  #newRun(): void {
    this.run = new RunData();
    this.dispatchEvent(new CustomEvent("wgfit-run", { bubbles: true, composed: true }));
  }

  #hear(message: SessionMessage, from: Host): void {
    if (from !== this.#host) return;
    if (message.type === "state") this.#enter(message.state);
    else if (message.type === "failed") this.#fail(message.failure);
    else if (message.type === "weights") {
      this.#weights.get(message.id)?.(message.file);
      this.#weights.delete(message.id);
    } else this.#tell(message);
  }

  #enter(state: JobState): void {
    const isFirst = this.state === "loading" && (state === "running" || state === "paused");
    this.state = state === "stopped" ? "done" : state;
    if (isFirst) this.#emit("ready", { place: this.host });
    if (this.state === "done") this.#emit("done", { steps: this.run?.length ?? 0 });
  }

  #tell(message: RunMessage): void {
    this.run?.apply(message);
    if (message.type === "epoch") {
      this.#emit("epoch", message.record);
      this.requestUpdate();
    } else if (message.type === "steps" && !this.#isBatchDue) {
      this.#isBatchDue = true;
      requestAnimationFrame(() => {
        this.#isBatchDue = false;
        const { columns, length } = this.run!;
        if (length === 0) return;
        const [step, loss] = [columns.step.at(-1)!, columns.loss.at(-1)!];
        this.#emit("batch", { step, loss, lr: columns.lr.at(-1), momentum: columns.momentum.at(-1) });
        this.#showProgress();
      });
    }
  }

  #fail(failure: Failure): void {
    if (failure.noDevice && this.host === "worker") {
      this.#moveToPage();
      return;
    }
    this.failure = failure;
    this.state = failure.noDevice ? "unsupported" : "error";
    this.#emit(failure.noDevice ? "unsupported" : "error", failure);
    if (failure.noDevice && this.replay) void this.#play(this.replay);
  }

  async #play(address: string): Promise<void> {
    try {
      const response = await fetch(address);
      if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
      const json = (await response.json()) as RunJson;
      this.#newRun();
      const end = () => {
        this.state = "done";
      };
      const run = this.run!;
      run.subscribe(() => this.#showProgress());
      this.#replay = new Replay(json, run, wantsStillness() ? 0 : REPLAY_SECONDS, end);
      this.state = "running";
      this.#replay.play();
    } catch (error) {
      const problem = `the recorded run ${address} cannot be read: ${error}`;
      this.#emit("error", { noDevice: false, problem } satisfies Failure);
    }
  }

  #emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(`wgfit-${name}`, { bubbles: true, composed: true, detail }));
  }

  #sendHypers(): void {
    const live = { lrFactor: 10 ** this.lrPower, momentum: this.momentum };
    this.#post({ type: "hypers", live });
  }

  #showProgress(): void {
    const bar = this.renderRoot.querySelector("progress");
    const { length = 0, info } = this.run ?? {};
    if (bar) Object.assign(bar, { max: info?.totalSteps ?? 1, value: length });
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("lrPower") || changed.has("momentum")) this.#sendHypers();
    if (changed.has("state")) this.#showProgress();
  }

  protected override render(): TemplateResult {
    const { state } = this;
    const isBusy = state === "loading";
    const isUnder = state === "running" || state === "paused" || isBusy;
    const main =
      state === "running" ? "Pause" : state === "paused" ? "Continue" : isUnder ? "Starting" : "Start";
    const press = () => (state === "running" ? this.pause() : this.start());
    return html`
      <div class="toolbar" part="toolbar">
        <button class="main" ?disabled=${isBusy} @click=${press}>${main}</button>
        <button ?disabled=${state !== "paused"} @click=${this.step}>One batch</button>
        <button ?disabled=${!isUnder} @click=${this.stop}>Stop</button>
        <button ?disabled=${state === "idle"} @click=${this.reset}>Reset</button>
        ${this.#sliders()}
        <slot name="controls"></slot>
      </div>
      <div class="line">
        <progress aria-label="Steps of the run" max="1" value="0"></progress>
        <p class="quiet" part="status" role="status">${this.#status()}</p>
      </div>
      ${this.failure ? this.#failureView(this.failure) : ""}
    `;
  }

  #sliders(): TemplateResult {
    const lr = (event: Event) => {
      this.lrPower = Number((event.target as HTMLInputElement).value);
    };
    const momentum = (event: Event) => {
      const value = Number((event.target as HTMLInputElement).value);
      this.momentum = value < 0 ? undefined : value;
    };
    const factor = 10 ** this.lrPower;
    return html`
      <label>lr <input type="range" min="-1" max="1" step="0.1" .value=${String(this.lrPower)} @input=${lr}>
        <output>× ${factor.toFixed(factor < 1 ? 2 : 1)}</output></label>
      <label>Momentum <input type="range" min="-0.05" max="0.95" step="0.05" .value=${String(this.momentum ?? -0.05)}
        @input=${momentum}><output>${this.momentum?.toFixed(2) ?? "planned"}</output></label>
    `;
  }

  #status(): string {
    const last = this.run?.epochs.at(-1);
    const accuracy = last?.metrics.accuracy;
    const epoch =
      last && accuracy !== undefined
        ? ` Epoch ${last.epoch + 1}: ${(100 * accuracy).toFixed(1)} % of unseen images are right.`
        : "";
    return this.#replay ? `A recorded run.${epoch}` : `${WORDS[this.state]}${epoch}`;
  }

  #failureView({ problem, got, fix, noDevice }: Failure): TemplateResult {
    const text = `${problem.charAt(0).toUpperCase()}${problem.slice(1)}${got ? ` (found: ${got})` : ""}.`;
    return html`
      <slot name="fallback">
        <section class="failure" role="alert">
          <h3>${noDevice ? "WebGPU is not available here" : "Training has stopped"}</h3>
          <p>${text}</p>
          ${fix ? html`<p>What helps: ${fix}.</p>` : ""}
          ${this.#replay ? html`<p>Until then, a run recorded elsewhere plays.</p>` : ""}
        </section>
      </slot>
    `;
  }
}
