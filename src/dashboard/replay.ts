import type { ProbeResult } from "../train/probes.ts";
import type { TensorStatistics } from "../train/statistics.ts";
import { SERIES, type StatisticsJson } from "../train/statistics-log.ts";
import { inNextFrame, notInNextFrame } from "./frames.ts";
import { type RunData, type RunJson, type RunMessage, runMessages, type StatisticsKind } from "./run-data.ts";

type StatisticsMessage = Extract<RunMessage, { type: "statistics" }>;

/** Plays a recorded run again, a stretch of it every frame. */
export class Replay {
  readonly #messages: readonly RunMessage[];
  readonly #run: RunData;
  readonly #onEnd: () => void;
  readonly #perMs: number;
  #next = 0;
  #place = 0;
  #time: number | undefined;

  /** `seconds`: how long all of it takes; 0 shows it at once. */
  constructor(json: RunJson, run: RunData, seconds: number, onEnd: () => void) {
    this.#messages = [...replayMessages(json)];
    this.#run = run;
    this.#onEnd = onEnd;
    this.#perMs = seconds > 0 ? this.#messages.length / (1000 * seconds) : Number.POSITIVE_INFINITY;
  }

  play(): void {
    this.#time = performance.now();
    inNextFrame(this.#advance);
  }

  pause(): void {
    this.#time = undefined;
    notInNextFrame(this.#advance);
  }

  /** Plays to the end of the next step. */
  step(): void {
    while (this.#next < this.#messages.length && this.#tellNext().type !== "steps");
    this.#place = this.#next;
  }

  readonly #advance = (): void => {
    if (this.#time === undefined) return;
    const now = performance.now();
    this.#place = Math.min(this.#messages.length, this.#place + Math.max(1, now - this.#time) * this.#perMs);
    this.#time = now;
    while (this.#next < this.#place) this.#tellNext();
    if (this.#next < this.#messages.length) inNextFrame(this.#advance);
    else this.#onEnd();
  };

  #tellNext(): RunMessage {
    const message = this.#messages[this.#next++]!;
    this.#run.apply(message);
    return message;
  }
}

/** All that a recorded run told, statistics at the steps they were taken. */
export function* replayMessages(json: RunJson): Generator<RunMessage> {
  const statistics = Object.entries(json.statistics ?? {})
    .flatMap(([of, log]) => statisticsMessages(of as StatisticsKind, log))
    .sort((a, b) => a.step - b.step);
  let next = 0;
  for (const message of runMessages(json)) {
    const step = message.type === "steps" ? message.records[0]!.step : Number.NEGATIVE_INFINITY;
    while (next < statistics.length && statistics[next]!.step <= step) yield statistics[next++]!;
    yield message;
  }
  yield* statistics.slice(next);
}

function statisticsMessages(of: StatisticsKind, { histogram, layers }: StatisticsJson): StatisticsMessage[] {
  const byStep = new Map<number, ProbeResult[]>();
  for (const [path, { kind, steps, series, counts }] of Object.entries(layers)) {
    steps.forEach((step, column) => {
      const numbers = SERIES.map((name) => [name, series[name][column] ?? Number.NaN]);
      const bins = Uint32Array.from(counts.slice(column * histogram.bins, (column + 1) * histogram.bins));
      const statistics = { ...Object.fromEntries(numbers), bins } as TensorStatistics;
      const results = byStep.get(step) ?? [];
      results.push({ of, path, kind, shape: [], statistics });
      byStep.set(step, results);
    });
  }
  return [...byStep].map(([step, results]) => ({ type: "statistics", of, histogram, step, results }));
}
