import { alignColumns } from "../plan/print.ts";
import type { EpochResult, Prepared, Progress, RunResult } from "./train-result.ts";

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
export function progressLine(progress: Progress, columns: number): string {
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
function progressFields(progress: Progress, isWide: boolean): { text: string; keep: number }[] {
  const { loss, accuracy, lr, momentum, examplesPerSecond, secondsLeft } = progress;
  const speed = Math.round(examplesPerSecond);
  return [
    { text: `loss ${formatLoss(loss)}`, keep: 6 },
    { text: `${isWide ? "accuracy" : "acc"} ${formatPercent(accuracy, 1)}`, keep: 5 },
    { text: `lr ${formatRate(lr)}`, keep: 3 },
    { text: `${isWide ? "momentum" : "mom"} ${momentum.toFixed(3)}`, keep: 1 },
    { text: `${speed} ${isWide ? "examples/s" : "ex/s"}`, keep: 2 },
    { text: `${formatSeconds(secondsLeft)} left`, keep: 4 },
  ];
}

/** The line of a finished epoch. */
export function epochLine(result: EpochResult, epochs: number): string {
  const { epoch, trainLoss, validLoss, validAccuracy, seconds } = result;
  const number = String(epoch).padStart(String(epochs).length);
  return (
    `epoch ${number}/${epochs}  train loss ${formatLoss(trainLoss)}  valid loss ${formatLoss(validLoss)}  ` +
    `valid accuracy ${formatPercent(validAccuracy)}  ${seconds.toFixed(1)} s`
  );
}

/** What is trained on what, before the first step. */
export function headLines(prepared: Prepared, model: string, source: string): string[] {
  const { adapter, train, valid, shape, classes } = prepared;
  return [
    `Adapter  ${adapter}`,
    `Data     ${source}: ${train} to train, ${valid} to validate, ${shape.join("×")}, ${classes} classes`,
    `Model    ${model}`,
  ];
}

const RUN_HEADER = ["seed", "train loss", "valid loss", "valid accuracy", "seconds", "ms/step"];

/** The table at the end: the epochs of one run, or the last epochs of several with their mean. */
export function finalTable(runs: readonly RunResult[]): string[] {
  const [first] = runs;
  if (!first) return [];
  if (runs.length === 1) {
    const rows = first.epochs.map((e) => [`${e.epoch}`, ...numbers(e), e.seconds.toFixed(1)]);
    return alignColumns([["epoch", ...RUN_HEADER.slice(1, 5)], ...rows]);
  }
  const rows = runs.map((run) => ({ ...lastEpoch(run), seed: `${run.seed}`, msPerStep: run.msPerStep }));
  const mean = (key: "trainLoss" | "validLoss" | "validAccuracy" | "seconds" | "msPerStep") =>
    rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
  const meanRow = {
    seed: "mean",
    trainLoss: mean("trainLoss"),
    validLoss: mean("validLoss"),
    validAccuracy: mean("validAccuracy"),
    seconds: mean("seconds"),
    msPerStep: mean("msPerStep"),
  };
  const cells = [...rows, meanRow].map((row) => [
    row.seed,
    ...numbers(row),
    row.seconds.toFixed(1),
    row.msPerStep.toFixed(2),
  ]);
  return alignColumns([RUN_HEADER, ...cells]);
}

function numbers({ trainLoss, validLoss, validAccuracy }: Omit<EpochResult, "epoch" | "seconds">): string[] {
  return [formatLoss(trainLoss), formatLoss(validLoss), formatPercent(validAccuracy)];
}

/** The last epoch, with the seconds of all of them. */
function lastEpoch({ epochs }: RunResult): EpochResult {
  const seconds = epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  return { ...epochs.at(-1)!, seconds };
}

/** The line under the table. */
export function summaryLine(runs: readonly RunResult[]): string {
  const { parameters, steps, model } = runs[0]!;
  const msPerStep = runs.reduce((sum, run) => sum + run.msPerStep, 0) / runs.length;
  return `${model}: ${parameters.toLocaleString("en")} parameters, ${steps} steps a run, ${msPerStep.toFixed(2)} ms a step`;
}

/** One object for one seed, a list for several; columns of numbers on one line. */
export function resultText(runs: readonly RunResult[], single: boolean): string {
  const text = JSON.stringify(single ? runs[0] : runs, null, 2);
  return `${text.replace(/\[\s+[-+.,\deul\sn]+\]/g, (numbers) => numbers.replace(/\s+/g, ""))}\n`;
}
