import uPlot from "uplot";
import type { Ink, Inks } from "./theme.ts";

/** A line of a plot. */
export interface Line {
  readonly label: string;
  /** One of the theme's inks, or a colour. */
  readonly color: Ink | `#${string}` | `oklch(${string})`;
  readonly width: number;
  /** Draw points in place of a line. */
  readonly points?: boolean;
  /** Draw points on the line. */
  readonly dots?: boolean;
}

export interface LinePlotOptions {
  readonly lines: readonly Line[];
  readonly log?: boolean;
  /** Values under the cursor below the plot. Default true. */
  readonly legend?: boolean;
  /** Smallest range of y: it grows beyond with the data. */
  readonly range?: readonly [number, number];
  format(value: number | null): string;
  /** As written at the axis. */
  mark(value: number): string;
  /** Plots of one name share their cursor and their zoom. */
  readonly sync: string;
  inks(): Inks;
  /** The visitor chose another stretch of x. */
  onZoom(range: readonly [number, number] | undefined): void;
}

/** x first, then a column for every line; null leaves a gap. */
export type PlotColumns = readonly (readonly (number | null)[])[];

const FONT = "12px system-ui, sans-serif";

/** uPlot behind the few calls the elements need. */
export class LinePlot {
  readonly #plot: uPlot;
  #isOwnScale = false;

  constructor(parent: HTMLElement, options: LinePlotOptions) {
    const sizes = { width: Math.max(160, parent.clientWidth), height: plotHeight(parent) };
    const empty = [[], ...options.lines.map(() => [])] as unknown as uPlot.AlignedData;
    const settings: uPlot.Options = {
      ...sizes,
      scales: { x: { time: false, auto: false }, y: scaleOf(options) },
      series: [{ label: "step" }, ...options.lines.map((line) => seriesOf(line, options))],
      axes: axesOf(options),
      legend: {
        show: options.legend ?? true,
        markers: { fill: (_plot, i) => inkOf(options, options.lines[i - 1]?.color ?? "grid"), width: 0 },
      },
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: true },
        sync: { key: options.sync, scales: ["x", null] },
        points: { size: 6 },
      },
      hooks: {
        setScale: [
          (plot, key) => {
            if (key !== "x" || this.#isOwnScale) return;
            const { min, max } = plot.scales.x!;
            options.onZoom(typeof min === "number" && typeof max === "number" ? [min, max] : undefined);
          },
        ],
      },
    };
    this.#plot = new uPlot(settings, empty, parent);
    // A double click, which uPlot takes as "everything", ends the zoom.
    this.#plot.over.addEventListener("dblclick", () => options.onZoom(undefined));
  }

  /** Draws columns over a stretch of x. */
  draw(columns: PlotColumns, [min, max]: readonly [number, number]): void {
    this.#isOwnScale = true;
    this.#plot.batch(() => {
      this.#plot.setData(columns as unknown as uPlot.AlignedData, false);
      this.#plot.setScale("x", { min, max: Math.max(max, min + 1) });
    });
    this.#isOwnScale = false;
  }

  get width(): number {
    return this.#plot.over.clientWidth || 300;
  }

  /** x values that are drawn. */
  get steps(): ArrayLike<number> {
    return this.#plot.data[0];
  }

  /** What is drawn, as given. */
  get columns(): PlotColumns {
    return this.#plot.data as unknown as PlotColumns;
  }

  /** Index under the cursor; undefined where there is none. */
  get cursor(): number | undefined {
    return this.#plot.cursor.idx ?? undefined;
  }

  /** Puts the cursor on a value, as the mouse would; undefined takes it away. */
  moveCursor(index: number | undefined): void {
    const x = index === undefined ? undefined : this.#plot.data[0][index];
    const left = x === undefined ? -10 : this.#plot.valToPos(x, "x");
    this.#plot.setCursor({ left, top: x === undefined ? -10 : 10 });
  }

  resize(parent: HTMLElement): void {
    const [width, height] = [parent.clientWidth, plotHeight(parent)];
    if (width > 0 && (width !== this.#plot.width || height !== this.#plot.height))
      this.#plot.setSize({ width, height });
  }

  restyle(): void {
    this.#plot.redraw(false, true);
  }

  destroy(): void {
    this.#plot.destroy();
  }
}

function plotHeight(parent: HTMLElement): number {
  return Number.parseFloat(getComputedStyle(parent).getPropertyValue("--plot-height")) || 190;
}

function scaleOf({ log = false, range }: LinePlotOptions): uPlot.Scale {
  if (log) return { distr: 3, log: 10 };
  if (!range) return { range: freeRange };
  const widened = (_plot: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax => [
    Math.min(range[0], low ?? range[0]),
    Math.max(range[1], high ?? range[1]),
  ];
  return { range: widened };
}

/** Room around the values; around one value from 0 to it. */
function freeRange(_plot: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  if (low === high) return [Math.min(0, low), Math.max(0, high) * 1.25 || 1];
  return uPlot.rangeNum(low, high, 0.1, true);
}

function inkOf({ inks }: LinePlotOptions, color: Line["color"]): string {
  return (inks() as Readonly<Record<string, string>>)[color] ?? color;
}

function seriesOf(line: Line, options: LinePlotOptions): uPlot.Series {
  const { label, width, points = false, dots = false, color } = line;
  const stroke = () => inkOf(options, color);
  return {
    ...{ label, stroke, width: points ? 0 : width, spanGaps: points },
    points: points || dots ? { show: true, size: 6, stroke, fill: stroke } : { show: false },
    value: (_plot, value) => options.format(value),
  };
}

/** Powers of ten from low to high, a few at most. */
function decades(low: number, high: number): number[] {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const every = Math.max(1, Math.ceil((last - first) / 5));
  const exponents = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  return exponents.filter((exponent) => exponent % every === 0).map((exponent) => 10 ** exponent);
}

function axesOf(options: LinePlotOptions): uPlot.Axis[] {
  const common: uPlot.Axis = {
    stroke: () => options.inks().quiet,
    font: FONT,
    grid: { stroke: () => options.inks().grid, width: 1 },
    ticks: { show: false },
  };
  return [
    { ...common, grid: { show: false }, size: 26, gap: 6 },
    {
      ...common,
      ...{ size: 52, gap: 6 },
      ...(options.log && { splits: (_plot, _axis, low, high) => decades(low, high) }),
      values: (_plot, splits) => splits.map((at) => (at === null ? "" : options.mark(at))),
    },
  ];
}
