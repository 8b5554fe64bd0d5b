import { css, html, type PropertyValues, type TemplateResult, unsafeCSS } from "lit";
import uplotStyle from "uplot/dist/uPlot.min.css?inline";
import { PANEL, PANELS, type PanelName } from "./chart-panels.ts";
import { percent, short } from "./format.ts";
import { LinePlot, type PlotColumns } from "./line-plot.ts";
import { plotStyle } from "./plot-style.ts";
import { RunElement } from "./run-element.ts";
import { shared } from "./theme.ts";

/** Rows of the table view at most. */
const TABLE_ROWS = 200;

/**
 * Loss, accuracy, learning rate and momentum of a run over one x axis, which they share with its cursor and zoom.
 * @csspart panel - A plot with its title
 */
export class WgfitChart extends RunElement {
  static override properties = {
    ...RunElement.properties,
    show: { type: String },
    linear: { type: Boolean, reflect: true },
    table: { type: Boolean, reflect: true },
    zoomed: { state: true },
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
      @container wgfit (min-width: 36rem) {
        .panels {
          grid-template-columns: repeat(2, minmax(0, 1fr));
        }
        .panels:has(> :only-child) {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      @container wgfit (min-width: 68rem) {
        .panels:has(> :nth-child(4)) {
          grid-template-columns: minmax(0, 1.5fr) repeat(3, minmax(0, 1fr));
        }
      }
    `,
  ];

  /** Panels by name, with spaces between them: "loss accuracy lr momentum", the default. */
  declare show: string;
  /** A linear axis for the loss in place of a logarithmic one. */
  declare linear: boolean;
  /** The numbers as a table in place of the plots. */
  declare table: boolean;
  declare zoomed: readonly [number, number] | undefined;
  readonly #plots = new Map<PanelName, LinePlot>();
  #sizes: ResizeObserver | undefined;

  constructor() {
    super();
    this.show = PANELS.join(" ");
    this.linear = false;
    this.table = false;
  }

  /** Panels that are shown, in their order. */
  get panels(): PanelName[] {
    const wanted = this.show.split(/\s+/);
    return PANELS.filter((name) => wanted.includes(name));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sizes = new ResizeObserver(() => {
      for (const [name, plot] of this.#plots) plot.resize(this.#host(name));
      this.requestDraw();
    });
    if (this.hasUpdated) this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes?.disconnect();
    this.#removePlots();
  }

  /** The columns a panel shows, as they were read from the run. */
  columnsOf(name: PanelName): PlotColumns | undefined {
    return this.#plots.get(name)?.columns;
  }

  protected override render(): TemplateResult {
    const press = (event: Event) =>
      (event.currentTarget as HTMLElement).getAttribute("aria-pressed") !== "true";
    const zoomEnd = () => {
      this.zoomed = undefined;
    };
    return html`
      <div class="bar">
        <span class="quiet">${this.zoomed ? `Steps ${whole(this.zoomed)}` : "Drag to zoom, arrow keys to read"}</span>
        ${this.zoomed ? html`<button class="small" @click=${zoomEnd}>All steps</button>` : ""}
        <button class="small" aria-pressed=${!this.linear}
          @click=${(event: Event) => {
            this.linear = !press(event);
          }}>Log loss</button>
        <button class="small" aria-pressed=${this.table}
          @click=${(event: Event) => {
            this.table = press(event);
          }}>Table</button>
      </div>
      ${this.table ? this.#tableView() : html`<div class="panels">${this.panels.map((name) => this.#panelView(name))}</div>`}
    `;
  }

  #panelView(name: PanelName): TemplateResult {
    const { title } = PANEL[name];
    return html`
      <figure part="panel">
        <h3 aria-hidden="true">${title}</h3>
        <div class="plot" id=${name} role="img" tabindex="0" aria-label=${`${title}: ${this.#reading(name)}`}
          @keydown=${(event: KeyboardEvent) => this.#steer(name, event)}></div>
      </figure>
    `;
  }

  #reading(name: PanelName): string {
    const { run } = this;
    if (!run || run.length === 0) return "nothing yet";
    const last = run.epochs.at(-1);
    const at = `at step ${run.columns.step.at(-1)}`;
    if (name === "accuracy")
      return last
        ? `${percent(last.metrics.accuracy ?? Number.NaN)} after epoch ${last.epoch + 1}`
        : "nothing yet";
    const column = name === "loss" ? run.columns.smoothLoss : run.columns[name];
    return `${short(column.at(-1))} ${at}`;
  }

  #tableView(): TemplateResult {
    const { columns, length } = this.run ?? { columns: undefined, length: 0 };
    const every = Math.max(1, Math.ceil(length / TABLE_ROWS));
    const rows = Array.from({ length: Math.ceil(length / every) }, (_, i) => i * every);
    const cells = ["loss", "smoothLoss", "lr", "momentum"] as const;
    return html`
      <div class="scroll" tabindex="0" role="region" aria-label="Numbers by step">
        <table>
          <thead><tr><th>Step</th><th>Loss</th><th>Smoothed</th><th>lr</th><th>Momentum</th></tr></thead>
          <tbody>${rows.map(
            (i) =>
              html`<tr><th scope="row">${columns!.step[i]}</th>${cells.map(
                (name) => html`<td>${short(columns![name][i])}</td>`,
              )}</tr>`,
          )}</tbody>
        </table>
      </div>
    `;
  }

  /** Arrow keys move the cursor by one value, with Shift by ten; Home, End and Escape as ever. */
  #steer(name: PanelName, event: KeyboardEvent): void {
    const plot = this.#plots.get(name);
    if (!plot || plot.steps.length === 0) return;
    const last = plot.steps.length - 1;
    const now = plot.cursor ?? last;
    const by = event.shiftKey ? 10 : 1;
    const targets: Readonly<Record<string, number | undefined>> = {
      ...{ ArrowLeft: now - by, ArrowRight: now + by, Home: 0, End: last, Escape: undefined },
    };
    if (!(event.key in targets)) return;
    event.preventDefault();
    const target = targets[event.key];
    const index = target === undefined ? undefined : Math.min(last, Math.max(0, target));
    plot.moveCursor(index);
    const values =
      index === undefined ? [] : plot.columns.slice(1).map((column) => PANEL[name].format(column[index]!));
    const told =
      index === undefined ? this.#reading(name) : `step ${plot.steps[index]}: ${values.join(", ")}`;
    this.#host(name).ariaLabel = `${PANEL[name].title}: ${told}`;
  }

  protected override updated(changed: PropertyValues<this>): void {
    super.updated(changed);
    if (changed.has("show") || changed.has("linear") || changed.has("table")) this.#removePlots();
  }

  protected override forget(): void {
    this.zoomed = undefined;
    this.#removePlots();
  }

  protected override get isTextLive(): boolean {
    return this.table;
  }

  protected override draw(): void {
    if (this.table) return;
    const { run } = this;
    const last = Math.max((run?.info.totalSteps ?? 1) - 1, run?.columns.step.at(-1) ?? 0, 1);
    const range = this.zoomed ?? [run?.columns.step[0] ?? 0, last];
    for (const name of this.panels) {
      const plot = this.#plots.get(name) ?? this.#makePlot(name);
      const { lines, read } = PANEL[name];
      const empty = [[], ...lines.map(() => [])];
      plot.draw(run ? read(run, range, plot.width, !this.linear) : empty, range);
    }
  }

  #makePlot(name: PanelName): LinePlot {
    const { lines, format, mark, hasLog = false, range } = PANEL[name];
    const host = this.#host(name);
    const plot = new LinePlot(host, {
      ...{
        lines,
        format,
        mark,
        sync: `wgfit-run-${this.run?.id}`,
        log: hasLog && !this.linear,
        ...(range && { range }),
      },
      inks: () => this.inks,
      onZoom: (chosen) => {
        this.zoomed = chosen;
      },
    });
    this.#plots.set(name, plot);
    this.#sizes?.observe(host);
    return plot;
  }

  #host(name: PanelName): HTMLElement {
    return this.renderRoot.querySelector<HTMLElement>(`#${name}`)!;
  }

  #removePlots(): void {
    this.#sizes?.disconnect();
    for (const plot of this.#plots.values()) plot.destroy();
    this.#plots.clear();
    if (this.isConnected) this.requestDraw();
  }

  protected override restyle(): void {
    for (const plot of this.#plots.values()) plot.restyle();
  }
}

function whole([from, to]: readonly [number, number]): string {
  return `${Math.round(from)} to ${Math.round(to)}`;
}
