import { LOSS_TOLERANCE } from "../bench/agreement.ts";
import type { FusionRow } from "../bench/fusion.ts";
import type { HookRow } from "../bench/hooks.ts";
import type { ScalingResult } from "../bench/scaling.ts";
import { LINEARITY_LIMIT, linearity, median, minimum } from "../bench/statistics.ts";
import { alignColumns, formatBytes } from "../plan/print.ts";
import { figure } from "./bench-text.ts";

/** The long tables of `npm run bench`: `--only fusion`, `--only scaling` and `--only hooks`. */

/** What each pass gains: times and traffic without it, over those with all. */
export function fusionLines(name: string, rows: readonly FusionRow[]): string[] {
  const all = rows[0]!;
  const ms = median(all.samples);
  const table = rows.map((row) => {
    if (row.error) return [row.without ?? "all passes", `fails: ${row.error}`];
    const off = row.losses.map((loss, i) => Math.abs(loss - all.losses[i]!) / Math.abs(all.losses[i]!));
    const worst = Math.max(...off);
    return [
      row.without === null ? "all passes" : `without ${row.without}`,
      figure(median(row.samples)),
      figure(minimum(row.samples)),
      row.without === null ? "" : `${figure(median(row.samples) / ms)}x`,
      `${row.dispatches}`,
      formatBytes(row.traffic),
      formatBytes(row.planned),
      worst <= LOSS_TOLERANCE ? `equal (${worst.toExponential(0)})` : `DIFFERS by ${worst.toExponential(1)}`,
    ];
  });
  const header = [name, "median ms", "min", "slower", "dispatches", "traffic", "work memory", "loss"];
  return alignColumns([header, ...table]);
}

/** What callbacks cost: times of a step with each set of them, over those with none. */
export function hookLines(model: string, rows: readonly HookRow[]): string[] {
  const none = median(rows[0]!.samples);
  const table = rows.map(({ name, samples }) => [
    name,
    figure(median(samples)),
    figure(minimum(samples)),
    name === "none" ? "" : `${(100 * (median(samples) / none - 1)).toFixed(1)} %`,
    name === "none" ? "" : `${(100 * (minimum(samples) / minimum(rows[0]!.samples) - 1)).toFixed(1)} %`,
  ]);
  return alignColumns([[`${model}, callbacks`, "median ms", "min", "more", "by min"], ...table]);
}

/** Time against work, and whether any point costs more than the line through the smaller ones predicts. */
export function scalingLines(results: readonly ScalingResult[]): string[] {
  // The least time of each: what else the machine does would bend the line.
  const points = results.map(({ label, flops, samples }) => ({ label, work: flops, ms: minimum(samples) }));
  const verdicts = linearity(points);
  const rows = verdicts.map(({ label, work, ms, predicted, ratio }) => {
    const { bytes, samples } = results.find((one) => one.label === label)!;
    return [
      label,
      figure(median(samples)),
      figure(ms),
      figure(work / 1e6),
      figure(bytes / 1e6),
      figure(work / ms / 1e6),
      predicted === undefined ? "-" : figure(predicted),
      ratio === undefined
        ? "-"
        : `${figure(ratio)}${ratio > LINEARITY_LIMIT ? ` above ${LINEARITY_LIMIT}` : ""}`,
    ];
  });
  const header = ["mnist-cnn step", "median ms", "min", "MFLOP", "MB", "GFLOP/s", "line says", "over it"];
  return alignColumns([header, ...rows]);
}
