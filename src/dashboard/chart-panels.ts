import { extremeIndices, firstAtLeast } from "./downsample.ts";
import { mark, percent, percentMark, short } from "./format.ts";
import type { Line, PlotColumns } from "./line-plot.ts";
import type { RunData, StepColumn } from "./run-data.ts";

/** What `<wgfit-chart>` may show. */
export const PANELS = ["loss", "accuracy", "lr", "momentum"] as const;
export type PanelName = (typeof PANELS)[number];

/** A plot of a run: its lines, and how their columns are read. */
export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly hasLog?: boolean;
  readonly range?: readonly [number, number];
  format(value: number | null): string;
  /** As written at the axis. */
  mark(value: number): string;
  /** Columns of the steps in [from, to], about two values for every pixel. */
  read(run: RunData, range: readonly [number, number], pixels: number, log: boolean): PlotColumns;
}

export const PANEL: Readonly<Record<PanelName, Panel>> = {
  loss: {
    title: "Loss",
    lines: [
      { label: "batch", color: "faint", width: 1 },
      { label: "smooth", color: "accent", width: 2 },
      { label: "valid", color: "second", width: 2, points: true },
    ],
    hasLog: true,
    format: short,
    mark,
    read: readLoss,
  },
  accuracy: {
    title: "Accuracy, unseen images",
    lines: [{ label: "accuracy", color: "second", width: 2, dots: true }],
    format: (value) => (value === null ? "–" : percent(value)),
    mark: percentMark,
    read: readAccuracy,
  },
  lr: {
    title: "Learning rate",
    lines: [{ label: "lr", color: "accent", width: 2 }],
    format: short,
    mark,
    read: (run, range, pixels) => readColumns(run, range, pixels, ["lr"]),
  },
  momentum: {
    title: "Momentum",
    lines: [{ label: "momentum", color: "second", width: 2 }],
    format: short,
    mark,
    read: (run, range, pixels) => readColumns(run, range, pixels, ["momentum"]),
  },
};

function indicesOf(run: RunData, [from, to]: readonly [number, number], pixels: number, by: StepColumn) {
  const { step } = run.columns;
  const start = Math.max(0, firstAtLeast(step, from) - 1);
  const end = Math.min(step.length, firstAtLeast(step, to) + 1);
  return extremeIndices(run.columns[by], start, end, Math.max(1, Math.round(pixels / 2)));
}

function readColumns(
  run: RunData,
  range: readonly [number, number],
  pixels: number,
  names: readonly StepColumn[],
): PlotColumns {
  const indices = indicesOf(run, range, pixels, names[0]!);
  const column = (name: StepColumn) => indices.map((i) => finite(run.columns[name][i]!));
  return [indices.map((i) => run.columns.step[i]!), ...names.map(column)];
}

function readLoss(run: RunData, range: readonly [number, number], pixels: number, log: boolean): PlotColumns {
  const kept = new Set(indicesOf(run, range, pixels, "loss"));
  const { step } = run.columns;
  const validation = new Map<number, number>();
  run.epochs.forEach(({ validLoss }, epoch) => {
    const index = firstAtLeast(step, run.epochEnds[epoch]!);
    if (index >= step.length) return;
    kept.add(index);
    validation.set(index, validLoss);
  });
  const indices = [...kept].sort((a, b) => a - b);
  // A logarithm has no place for 0 and below.
  const shown = (value: number | undefined) => (log && !(value! > 0) ? null : finite(value));
  return [
    indices.map((i) => step[i]!),
    indices.map((i) => shown(run.columns.loss[i])),
    indices.map((i) => shown(run.columns.smoothLoss[i])),
    indices.map((i) => shown(validation.get(i))),
  ];
}

function readAccuracy(run: RunData): PlotColumns {
  return [[...run.epochEnds], run.epochs.map(({ metrics }) => finite(metrics.accuracy))];
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
