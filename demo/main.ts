import {
  describeAdapter,
  drawnDigits,
  drawnExamples,
  EngineError,
  type EpochRecord,
  requestDevice,
  type Splits,
  type StepRecord,
} from "../src/index.ts";
import { LineChart, type Mark } from "./chart.ts";
import { EPOCHS, Trainer, type TrainerState } from "./trainer.ts";

/** Weight of the past in the smoothed loss. */
const SMOOTHING = 0.9;

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** Exponentially weighted means, corrected for their start. */
class Smoothed {
  readonly values: number[] = [];
  #sum = 0;
  #weight = 0;

  push(value: number): void {
    this.#sum = SMOOTHING * this.#sum + (1 - SMOOTHING) * value;
    this.#weight = SMOOTHING * this.#weight + (1 - SMOOTHING);
    this.values.push(this.#sum / this.#weight);
  }
}

/** What the page shows of a run. */
class View {
  readonly #loss = new LineChart(element<HTMLCanvasElement>("loss-chart"));
  readonly #accuracy = new LineChart(element<HTMLCanvasElement>("accuracy-chart"));
  #losses: number[] = [];
  #smoothed = new Smoothed();
  #accuracies: number[] = [];
  #last: StepRecord | undefined;
  #totalSteps = 1;
  #isScheduled = false;
  /** Steps and the time they took, for the speed; pauses and validation start anew. */
  #window = { start: 0, steps: 0 };
  #batchSize = 0;

  reset(totalSteps: number, batchSize: number): void {
    this.#totalSteps = totalSteps;
    this.#batchSize = batchSize;
    this.#losses = [];
    this.#smoothed = new Smoothed();
    this.#accuracies = [];
    this.#last = undefined;
    element("epochs").replaceChildren();
    for (const id of ["loss", "accuracy", "lr", "momentum", "speed", "step"]) element(id).textContent = "–";
    this.#drawCharts();
  }

  restartClock(): void {
    this.#window = { start: performance.now(), steps: 0 };
  }

  step(record: StepRecord): void {
    this.#losses.push(record.loss);
    this.#smoothed.push(record.loss);
    this.#last = record;
    this.#window.steps++;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#draw();
    });
  }

  epoch({ epoch, trainLoss, validLoss, metrics, seconds }: EpochRecord): void {
    const accuracy = metrics.accuracy ?? Number.NaN;
    this.#accuracies.push(accuracy);
    const row = document.createElement("tr");
    const cells = [
      `${epoch + 1}`,
      trainLoss.toFixed(4),
      validLoss.toFixed(4),
      percent(accuracy),
      seconds.toFixed(2),
    ];
    row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    element("epochs").append(row);
    element("accuracy").textContent = percent(accuracy);
    element("loss-chart").ariaLabel = `Loss by step: ${trainLoss.toFixed(3)} in epoch ${epoch + 1}`;
    element("accuracy-chart").ariaLabel = `Accuracy by epoch: ${percent(accuracy)} after epoch ${epoch + 1}`;
    this.restartClock();
    this.#drawCharts();
  }

  #draw(): void {
    const record = this.#last;
    if (!record) return;
    element("loss").textContent = this.#smoothed.values.at(-1)!.toFixed(4);
    element("lr").textContent = record.lr < 1e-4 ? record.lr.toExponential(1) : record.lr.toFixed(4);
    element("momentum").textContent = record.momentum.toFixed(3);
    element("step").textContent = `${record.step + 1} of ${this.#totalSteps}`;
    const { start, steps } = this.#window;
    const seconds = (performance.now() - start) / 1000;
    if (steps > 5 && seconds > 0) {
      element("speed").textContent = Math.round((steps * this.#batchSize) / seconds).toLocaleString("en");
    }
    this.#drawCharts();
  }

  #drawCharts(): void {
    this.#loss.data = {
      curves: [
        { values: this.#losses, color: "--faint", width: 1 },
        { values: this.#smoothed.values, color: "--accent", width: 2 },
      ],
      last: this.#totalSteps - 1,
      log: true,
      range: [0.0004, 4],
      yMarks: [0.001, 0.01, 0.1, 1].map((at) => ({ at, text: `${at}` })),
      xMarks: marks(this.#totalSteps, 100),
    };
    const lowest = this.#accuracies.reduce((least, share) => Math.min(least, share), 0.8);
    const bottom = Math.floor(lowest * 5) / 5;
    this.#accuracy.data = {
      curves: [{ values: this.#accuracies, color: "--second", width: 2, dots: true }],
      last: EPOCHS - 1,
      range: [bottom, 1],
      yMarks: [0, 1, 2, 3, 4].map((line) => {
        const at = bottom + ((1 - bottom) * line) / 4;
        return { at, text: `${Math.round(100 * at)} %` };
      }),
      xMarks: marks(EPOCHS, 1),
    };
  }
}

/** Marks at 1 and at every multiple of `every`, for an axis that counts from 1. */
function marks(count: number, every: number): Mark[] {
  const numbers = Array.from({ length: Math.floor(count / every) }, (_, i) => (i + 1) * every);
  return [...new Set([1, ...numbers])].map((number) => ({ at: number - 1, text: `${number}` }));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

const WORDS: Readonly<Record<TrainerState, string>> = {
  idle: "Ready.",
  compiling: "Compiling the training step …",
  running: "Training.",
  paused: "Paused.",
  stopping: "Stopping …",
  done: `Done: ${EPOCHS} epochs. Start trains again from new weights.`,
};

function showState(state: TrainerState): void {
  const isBusy = state === "compiling" || state === "stopping";
  element("status").textContent = WORDS[state];
  element<HTMLButtonElement>("start").disabled = isBusy || state === "running";
  element<HTMLButtonElement>("pause").disabled = state !== "running";
  element<HTMLButtonElement>("reset").disabled = isBusy || state === "idle";
  element("start").textContent = state === "paused" ? "Continue" : "Start";
}

function showError(error: unknown): void {
  const details = error instanceof EngineError ? error.details : undefined;
  const isMissing = details?.op === "requestDevice";
  element("error-title").textContent = isMissing ? "WebGPU is not available here" : "Training has stopped";
  const got = details?.got ? ` (found: ${details.got})` : "";
  const text = details ? `${details.problem}${got}.` : String(error);
  element("error-text").textContent = text.charAt(0).toUpperCase() + text.slice(1);
  element("error-fix").textContent = details?.fix ? `What helps: ${details.fix}.` : "";
  element("error").hidden = false;
  element("status").textContent = isMissing ? "No training without WebGPU." : "Stopped.";
  for (const id of ["start", "pause", "reset"]) element<HTMLButtonElement>(id).disabled = true;
}

/** Draws the first training images side by side, black on nothing; the style inverts them on dark. */
async function drawSamples(
  device: GPUDevice,
  { train }: Splits,
  columns: number,
  rows: number,
): Promise<void> {
  const side = train.inputs.x!.shape[2]!;
  const { x } = await drawnExamples(device, train, { count: columns * rows });
  const canvas = element<HTMLCanvasElement>("samples");
  canvas.width = columns * side;
  canvas.height = rows * side;
  const pen = canvas.getContext("2d")!;
  const image = pen.createImageData(side, side);
  for (let example = 0; example < columns * rows; example++) {
    for (let i = 0; i < side * side; i++) {
      image.data[4 * i + 3] = x![example * side * side + i]!;
    }
    pen.putImageData(image, (example % columns) * side, Math.floor(example / columns) * side);
  }
}

async function main(): Promise<void> {
  const view = new View();
  view.reset(1, 0);
  const data = drawnDigits();
  const device = await requestDevice({ onWarning: () => {} });
  element("adapter").textContent = `Adapter: ${describeAdapter(device).text}`;
  await drawSamples(device, data, 20, 10);
  void device.lost.then(({ message }) => showError(new Error(`The GPU was lost: ${message}`)));
  const trainer: Trainer = new Trainer(device, data, {
    onState(state) {
      if (state === "compiling" || state === "idle") view.reset(trainer.totalSteps, trainer.batchSize);
      if (state === "running") view.restartClock();
      showState(state);
    },
    onStep: (record) => view.step(record),
    onEpoch: (record) => view.epoch(record),
    onError: showError,
  });
  element("start").addEventListener("click", () => trainer.start());
  element("pause").addEventListener("click", () => trainer.pause());
  element("reset").addEventListener("click", () => void trainer.reset());
  trainer.start();
}

main().catch(showError);
