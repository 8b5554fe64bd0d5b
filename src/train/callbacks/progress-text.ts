import type { EpochRecord } from "../callback.ts";
import type { TrainingProgress } from "./progress.ts";

/** "0:07", "12:30", "1:02:03". */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A loss in about four digits. */
export function formatLoss(loss: number): string {
  if (!Number.isFinite(loss)) return String(loss);
  return loss >= 1000 || (loss !== 0 && loss < 0.001)
    ? loss.toExponential(2)
    : loss.toFixed(loss < 10 ? 4 : 2);
}

/** "97.60 %" */
export function formatPercent(share: number, digits = 2): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(digits)} %` : "-";
}

/** A learning rate in three digits: "0.0563", "2.40e-7". */
export function formatRate(rate: number): string {
  return rate !== 0 && rate < 1e-4 ? rate.toExponential(2) : rate.toPrecision(3);
}

/** "██████░░░░" */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.max(0, Math.min(1, share)) * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

const SHORTEST_BAR = 6;
const LONGEST_BAR = 24;

/** The line of a running epoch, never longer than `columns`: words get shorter, then what matters least goes. */
export function progressLine(progress: TrainingProgress, columns: number): string {
  const { epoch, epochs, step, steps } = progress;
  const isWide = columns >= 120;
  const count = isWide ? `epoch ${epoch}/${epochs} ` : `${epoch}/${epochs} `;
  const gap = isWide ? "  " : " ";
  const fields = progressFields(progress, isWide);
  const length = () =>
    count.length + SHORTEST_BAR + fields.reduce((sum, { text }) => sum + gap.length + text.length, 0);
  while (fields.length > 0 && length() > columns) {
    const least = fields.reduce((a, b) => (b.keep < a.keep ? b : a));
    fields.splice(fields.indexOf(least), 1);
  }
  const width = Math.min(LONGEST_BAR, SHORTEST_BAR + Math.max(0, columns - length()));
  const line = [count + bar(step / steps, width), ...fields.map(({ text }) => text)].join(gap);
  return line.slice(0, columns);
}

/** The numbers of a running epoch; those with the smallest `keep` go first. */
function progressFields(progress: TrainingProgress, isWide: boolean): { text: string; keep: number }[] {
  const { loss, accuracy, lr, momentum, examplesPerSecond, secondsLeft } = progress;
  const speed = Math.round(examplesPerSecond);
  const share = { text: `${isWide ? "accuracy" : "acc"} ${formatPercent(accuracy, 1)}`, keep: 5 };
  return [
    { text: `loss ${formatLoss(loss)}`, keep: 6 },
    ...(Number.isNaN(accuracy) ? [] : [share]),
    { text: `lr ${formatRate(lr)}`, keep: 3 },
    { text: `${isWide ? "momentum" : "mom"} ${momentum.toFixed(3)}`, keep: 1 },
    { text: `${speed} ${isWide ? "examples/s" : "ex/s"}`, keep: 2 },
    { text: `${formatSeconds(secondsLeft)} left`, keep: 4 },
  ];
}

/** The line of a finished epoch: losses and whatever metrics there are. */
export function epochText(result: EpochRecord, epochs: number): string {
  const { epoch, trainLoss, validLoss, metrics, seconds } = result;
  const number = String(epoch + 1).padStart(String(epochs).length);
  const fields = [
    `train loss ${formatLoss(trainLoss)}`,
    ...(Number.isNaN(validLoss) ? [] : [`valid loss ${formatLoss(validLoss)}`]),
    ...Object.entries(metrics).map(([name, value]) =>
      name === "accuracy" ? `${name} ${formatPercent(value)}` : `${name} ${formatLoss(value)}`,
    ),
    `${seconds.toFixed(1)} s`,
  ];
  return `epoch ${number}/${epochs}  ${fields.join("  ")}`;
}
