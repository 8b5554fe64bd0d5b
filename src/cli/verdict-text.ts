import { alignColumns } from "../plan/print.ts";
import { formatPercent } from "../train/callbacks/progress-text.ts";
import type { VerdictKind } from "../train/verdict.ts";
import { expectation, type VerdictResult, type VerdictRun } from "./verdict-runs.ts";

const KINDS: readonly VerdictKind[] = [
  ...(["healthy", "one collapse", "rise and crash", "mostly inactive"] as const),
  ...(["diverged", "exploding gradients", "vanishing gradients"] as const),
];

/** "book, batch norm, one-cycle 0.06". */
export function configuration({ net, batchNorm, rate }: VerdictRun): string {
  return `${net}, ${batchNorm ? "batch norm" : "plain"}, ${rate}`;
}

/** One line of a finished run. */
export function runLine(result: VerdictResult): string {
  const { seed, batch, epochs, kind, accuracy, seconds } = result;
  return (
    `${configuration(result).padEnd(36)} seed ${seed}  batch ${batch} × ${epochs} epochs  ${kind.padEnd(16)} ` +
    `${formatPercent(accuracy, 1)}  ${seconds.toFixed(1)} s`
  );
}

/** How many runs of each configuration got which verdict, and how well they learnt. */
export function verdictTable(results: readonly VerdictResult[]): string[] {
  const groups = new Map<string, VerdictResult[]>();
  for (const result of results) {
    const key = `${configuration(result)}${result.batch === 128 ? "" : ` (batch ${result.batch}, ${result.epochs} epochs)`}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const used = KINDS.filter((kind) => results.some((result) => result.kind === kind));
  const rows = [...groups].map(([name, members]) => {
    const counts = used.map((kind) => members.filter((result) => result.kind === kind).length);
    const accuracies = members.map(({ accuracy }) => accuracy);
    const [low, high] = [Math.min(...accuracies), Math.max(...accuracies)];
    const range =
      members.length === 1 ? formatPercent(low, 1) : `${formatPercent(low, 1)} to ${formatPercent(high, 1)}`;
    return [name, `${members.length}`, ...counts.map((count) => (count ? `${count}` : "")), range];
  });
  return alignColumns([["configuration", "runs", ...used, "valid accuracy"], ...rows]);
}

const EXPECTED = {
  clean: "batch norm (should be clean)",
  flagged: "plain at 0.6 (should be flagged)",
  either: "plain, one-cycle (either)",
} as const;

/** The confusion table: what should have been judged how, and what was. */
export function confusionTable(results: readonly VerdictResult[]): string[] {
  const rows = Object.entries(EXPECTED).map(([expected, name]) => {
    const members = results.filter((result) => expectation(result) === expected);
    const clean = members.filter(({ isHealthy }) => isHealthy).length;
    return [name, `${clean}`, `${members.length - clean}`];
  });
  return alignColumns([["", "clean", "flagged"], ...rows]);
}
