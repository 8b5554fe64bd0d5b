import { alignColumns } from "../plan/print.ts";
import { formatLoss, formatPercent } from "../train/callbacks/progress-text.ts";
import type { EpochResult, Prepared, RunResult, TestResult } from "./train-result.ts";

/** The line of a finished epoch. */
export function epochLine(result: EpochResult, epochs: number): string {
  const { epoch, trainLoss, validLoss, validAccuracy, seconds } = result;
  const number = String(epoch).padStart(String(epochs).length);
  return (
    `epoch ${number}/${epochs}  train loss ${formatLoss(trainLoss)}  valid loss ${formatLoss(validLoss)}  ` +
    `valid accuracy ${formatPercent(validAccuracy)}  ${seconds.toFixed(1)} s`
  );
}

/** The line of the test after training. */
export function testLine({ images, accuracy }: TestResult): string {
  return `test on ${images.toLocaleString("en")} images  accuracy ${formatPercent(accuracy)}`;
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
