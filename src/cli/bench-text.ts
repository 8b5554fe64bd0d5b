import { CASES } from "../bench/cases.ts";
import type { Ceilings } from "../bench/ceilings.ts";
import type { CaseResult, ContenderResult } from "../bench/measure.ts";
import { median, minimum } from "../bench/statistics.ts";
import { alignColumns, formatBytes } from "../plan/print.ts";
import type { CeilingsAnswer, PageMeasurement, PeerPackage } from "./bench-result.ts";

/** Lines of `npm run bench`, at most 100 columns wide. */

/** "12.3" with as many decimals as tell something. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Rate of a case: GFLOP/s or GB/s, whichever limits it. */
export function rateOf({ bound, flops, bytes }: CaseResult, ms: number): number {
  return (bound === "flops" ? flops : bytes) / ms / 1e6;
}

/** Share of the adapter's own ceiling that a rate is. */
export function shareOf({ bound }: CaseResult, rate: number, { fma, copy }: Ceilings): number {
  return rate / (bound === "flops" ? fma : copy);
}

/** How many times as long a contender takes as we do; NaN where it has no time. */
export function ratioTo({ contenders }: CaseResult, name: string): number {
  const other = contenders.find((one) => one.name === name);
  return other ? median(other.samples) / median(contenders[0]!.samples) : Number.NaN;
}

export function ceilingLines(
  { adapter, software, browser, subgroups, ceilings }: CeilingsAnswer,
  peers: readonly PeerPackage[],
): string[] {
  const names = peers.map(({ name, version }) => `${name} ${version}`).join(", ") || "none";
  return [
    `adapter   ${adapter}${software ? " (software)" : ""}; subgroups ${subgroups}; ${browser}`,
    `peers     ${names}`,
    `ceilings  multiply-adds ${figure(ceilings.fma)} GFLOP/s, copy ${figure(ceilings.copy)} GB/s`,
  ];
}

/** Widths of the columns of a case. */
const WIDTHS = [10, 10, 10, 8, 8, 7, 7, 6, 6, 10, 9, 4];

function row(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 0 ? cell.padEnd(WIDTHS[0]!) : cell.padStart(WIDTHS[i]!)))
    .join("")
    .trimEnd();
}

export function headerLines(): string[] {
  return [
    row(["", "median", "min", "ratio", "rate", "share", "disp.", "subm.", "bufs", "memory", "first", "n"]),
    row(["", "ms", "ms", "", "", "", "a run", "a run", "a run", "at most", "ms", ""]),
  ];
}

function contenderLine(result: CaseResult, one: ContenderResult, ceilings: Ceilings): string {
  const isOurs = one === result.contenders[0];
  const ms = median(one.samples);
  const rate = rateOf(result, ms);
  return row([
    `  ${one.name}`,
    figure(ms),
    figure(minimum(one.samples)),
    isOurs ? "" : `${figure(ratioTo(result, one.name))}x`,
    figure(rate),
    `${figure(100 * shareOf(result, rate, ceilings))} %`,
    `${one.dispatches}`,
    `${one.submits}`,
    `${one.buffers}`,
    one.bytes === null ? "-" : formatBytes(one.bytes),
    figure(one.firstMs),
    `${one.samples.length}`,
  ]);
}

/** The lines of one case: its name, then a line for each contender, or why it has no times. */
export function caseLines(result: CaseResult, ceilings: Ceilings): string[] {
  const { name, bound, flops, bytes, singleDispatches, contenders, handTiled } = result;
  const work =
    bound === "flops"
      ? `${figure(flops / 1e6)} MFLOP, rate in GFLOP/s`
      : `${figure(bytes / 1e6)} MB, rate in GB/s`;
  const ours = contenders[0]!;
  const single =
    singleDispatches !== null && singleDispatches !== ours.dispatches
      ? `; ${singleDispatches} dispatches with single-dispatch lowerings`
      : "";
  const lines = [`${name}  (${work}${single})`];
  for (const one of contenders) {
    if (one.error) lines.push(`  ${one.name.padEnd(8)}fails: ${one.error}`);
    else if (one.samples.length === 0) lines.push(`  ${one.name.padEnd(8)}${disagreement(one)}`);
    else lines.push(contenderLine(result, one, ceilings));
  }
  for (const { name: hand, samples } of handTiled) {
    const ratio = median(samples) / median(ours.samples);
    lines.push(
      row([
        `  ${hand.replace("hand-tiled ", "* ")}`.padEnd(20).slice(0, 20),
        "",
        figure(minimum(samples)),
        `${figure(ratio)}x`,
        figure(flops / median(samples) / 1e6),
      ]),
    );
  }
  return lines;
}

function disagreement({ agreement }: ContenderResult): string {
  const worst = agreement.filter(({ agrees }) => !agrees);
  const texts = worst.map(
    ({ output, error, tolerance }) => `${output} by ${error.toExponential(1)} (tolerance ${tolerance})`,
  );
  return `disagrees, so no times: ${texts.join(", ")}`;
}

/** "5.2x (must 4, aim 6)" */
function againstGoal(ratio: number, must: number | undefined, aim?: number): string {
  if (!Number.isFinite(ratio)) return "-";
  const goal = must === undefined ? "" : ` (${aim === undefined ? must : `${must}, aim ${aim}`})`;
  return `${figure(ratio)}x${goal}`;
}

/** One line a case: our median, the peers' times over it, rate and share. In parentheses what it must reach. */
export function finalTable(
  results: readonly CaseResult[],
  ceilings: Ceilings,
  isMarkdown: boolean,
): string[] {
  const header = ["case", "wgfit ms", "jax-js", "tfjs", "rate", "of ceiling", "dispatches", "memory"];
  const rows = results.map((result) => {
    const { goal } = CASES.find(({ name }) => name === result.name) ?? {};
    const ours = result.contenders[0]!;
    const ms = median(ours.samples);
    const rate = rateOf(result, ms);
    return [
      result.name,
      figure(ms),
      againstGoal(ratioTo(result, "jax-js"), goal?.jax, goal?.aim),
      againstGoal(ratioTo(result, "tfjs"), goal?.tfjs),
      `${figure(rate)} ${result.bound === "flops" ? "GFLOP/s" : "GB/s"}`,
      `${figure(100 * shareOf(result, rate, ceilings))} %`,
      `${ours.dispatches}`,
      ours.bytes === null ? "-" : formatBytes(ours.bytes),
    ];
  });
  if (!isMarkdown) return alignColumns([header, ...rows]);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)];
}

/** Size of a page that trains, and time to its first finished step. */
export function pageLines({ files, runs }: PageMeasurement): string[] {
  const gzip = files.reduce((sum, file) => sum + file.gzip, 0);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const times = runs.map(({ ms }) => ms);
  return [
    `page that trains mnist-cnn: ${(gzip / 1024).toFixed(1)} KiB min+gzip in ${files.length} files ` +
      `(${(bytes / 1024).toFixed(1)} KiB min; at most 60)`,
    `page load to first finished step, fresh profile: median ${(median(times) / 1000).toFixed(2)} s, ` +
      `min ${(minimum(times) / 1000).toFixed(2)} s, n=${times.length} (at most 1.8)`,
  ];
}
