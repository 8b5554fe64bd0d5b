import { css, html, type PropertyValues, type TemplateResult, unsafeCSS } from "lit";
import uplotStyle from "uplot/dist/uPlot.min.css?inline";
import type { SeriesName, StatisticsLog } from "../train/statistics-log.ts";
import { extremeIndices } from "./downsample.ts";
import { mark, percent, percentMark, short } from "./format.ts";
import { type Line, LinePlot } from "./line-plot.ts";
import { plotStyle } from "./plot-style.ts";
import type { StatisticsKind } from "./run-data.ts";
import { RunElement } from "./run-element.ts";
import { shared } from "./theme.ts";

interface Statistic {
  readonly series: SeriesName;
  readonly title: string;
  readonly range?: readonly [number, number];
  format(value: number | null): string;
  mark(value: number): string;
}

const STATISTICS: readonly Statistic[] = [
  { series: "mean", title: "Mean", format: short, mark },
  { series: "std", title: "Standard deviation", format: short, mark },
  {
    series: "firstBinShare",
    title: "Near zero",
    range: [0, 1],
    format: (share) => (share === null ? "–" : percent(share)),
    mark: percentMark,
  },
];

/** Mean, deviation and near-zero share over time, a line for every layer. */
export class WgfitStats extends RunElement {
  static override properties = {
    ...RunElement.properties,
    of: { type: String },
    table: { type: Boolean, reflect: true },
    layers: { state: true },
  };
  static override styles = [
    unsafeCSS(uplotStyle),
    shared,
    plotStyle,
    css`
      .panels {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 1rem 1.25rem;
      }
      @container wgfit (min-width: 42rem) {
        .panels {
          grid-template-columns: repeat(3, minmax(0, 1fr));
        }
      }
      .plot {
        --plot-height: 150;
        min-height: 150px;
      }
      .bar > .key {
        white-space: normal;
      }
      .key {
        display: flex;
        flex-wrap: wrap;
        gap: 0 0.9rem;
        color: var(--quiet);
        font-size: 0.8125rem;
      }
      .key i {
        display: inline-block;
        width: 0.8em;
        height: 0.2em;
        margin-right: 0.35em;
        border-radius: 0.1em;
        vertical-align: middle;
      }
    `,
  ];

  /** "activations" (the default), "gradients" or "weights". */
  declare of: StatisticsKind;
  /** The last numbers as a table in place of the plots. */
  declare table: boolean;
  declare layers: readonly string[];
  readonly #plots: LinePlot[] = [];
  #sizes: ResizeObserver | undefined;
  #zoom: readonly [number, number] | undefined;

  constructor() {
    super();
    this.of = "activations";
    this.table = false;
    this.layers = [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sizes = new ResizeObserver(() => {
      this.#plots.forEach((plot, i) => {
        plot.resize(this.#hosts[i]!);
      });
    });
    if (this.hasUpdated) this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#removePlots();
  }

  get #log(): StatisticsLog | undefined {
    return this.run?.statistics.get(this.of);
  }

  get #hosts(): HTMLElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLElement>(".plot")];
  }

  protected override render(): TemplateResult {
    const press = () => {
      this.table = !this.table;
    };
    const key = this.layers.map(
      (layer, i) =>
        html`<span><i style=${`background: ${layerColor(i, this.layers.length)}`}></i>${layer}</span>`,
    );
    return html`
      <div class="bar">
        <span class="key">${key}</span>
        <button class="small" aria-pressed=${this.table} @click=${press}>Table</button>
      </div>
      ${this.table ? this.#tableView() : html`<div class="panels">${STATISTICS.map((one) => this.#panelView(one))}</div>`}
    `;
  }

  #panelView({ title, series, format }: Statistic): TemplateResult {
    const last = this.layers.map(
      (layer) => `${layer} ${format(this.#log?.series(layer, series).at(-1) ?? null)}`,
    );
    const label = `${title} of ${this.of} by layer: ${last.join(", ") || "nothing yet"}`;
    return html`
      <figure part="panel">
        <h3 aria-hidden="true">${title}</h3>
        <div class="plot" role="img" aria-label=${label}></div>
      </figure>
    `;
  }

  #tableView(): TemplateResult {
    const cells = (layer: string) =>
      STATISTICS.map(
        ({ series, format }) => html`<td>${format(this.#log?.series(layer, series).at(-1) ?? null)}</td>`,
      );
    return html`
      <div class="scroll" tabindex="0" role="region" aria-label="Last statistics by layer">
        <table>
          <thead><tr><th>Layer</th>${STATISTICS.map(({ title }) => html`<th>${title}</th>`)}</tr></thead>
          <tbody>${this.layers.map((layer) => html`<tr><th scope="row">${layer}</th>${cells(layer)}</tr>`)}</tbody>
        </table>
      </div>
    `;
  }

  protected override get isTextLive(): boolean {
    return this.table;
  }

  protected override forget(): void {
    this.#zoom = undefined;
    this.layers = [];
    this.#removePlots();
  }

  protected override updated(changed: PropertyValues<this>): void {
    super.updated(changed);
    if (changed.has("layers") || changed.has("table") || changed.has("of")) this.#removePlots();
  }

  protected override draw(): void {
    const layers = this.#log?.layers ?? [];
    if (layers.join() !== this.layers.join()) {
      this.layers = layers;
      return;
    }
    if (this.table || (layers.length === 0 && this.#plots.length > 0)) return;
    if (this.#plots.length === 0) this.#makePlots();
    const log = this.#log;
    const steps = log && layers[0] !== undefined ? log.steps(layers[0]) : [];
    const last = Math.max((this.run?.info.totalSteps ?? 1) - 1, steps.at(-1) ?? 0, 1);
    STATISTICS.forEach(({ series }, i) => {
      const plot = this.#plots[i]!;
      const columns = layers.map((layer) => log!.series(layer, series));
      const kept = [...new Set(columns.flatMap((c) => extremeIndices(c, 0, c.length, plot.width / 2)))];
      kept.sort((a, b) => a - b);
      const shown = columns.map((c) => kept.map((at) => (Number.isFinite(c[at]) ? c[at]! : null)));
      plot.draw([kept.map((at) => steps[at]!), ...shown], this.#zoom ?? [0, last]);
    });
  }

  #makePlots(): void {
    const lines: Line[] = this.layers.map((layer, i) => ({
      ...{ label: layer, width: 1.5, color: layerColor(i, this.layers.length) },
    }));
    const hosts = this.#hosts;
    STATISTICS.forEach(({ format, mark: marked, range }, i) => {
      const plot = new LinePlot(hosts[i]!, {
        ...{
          lines,
          format,
          mark: marked,
          legend: false,
          sync: `wgfit-run-${this.run?.id}`,
          ...(range && { range }),
        },
        inks: () => this.inks,
        onZoom: (chosen) => {
          this.#zoom = chosen;
          this.requestDraw();
        },
      });
      this.#plots.push(plot);
      this.#sizes?.observe(hosts[i]!);
    });
  }

  #removePlots(): void {
    this.#sizes?.disconnect();
    for (const plot of this.#plots.splice(0)) plot.destroy();
    if (this.isConnected) this.requestDraw();
  }

  protected override restyle(): void {
    for (const plot of this.#plots) plot.restyle();
  }
}

/** From violet to ochre through the layers: of one lightness, which reads on light and on dark. */
export function layerColor(index: number, count: number): `oklch(${string})` {
  const share = count > 1 ? index / (count - 1) : 0.5;
  return `oklch(0.62 0.15 ${Math.round(290 - 220 * share)})`;
}
