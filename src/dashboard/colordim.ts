import { css, html, type TemplateResult } from "lit";
import type { ColorDim, StatisticsLog } from "../train/statistics-log.ts";
import { colorAt } from "./color-map.ts";
import { percent, short, whole } from "./format.ts";
import { Heatmap } from "./heatmap.ts";
import type { StatisticsKind } from "./run-data.ts";
import { RunElement } from "./run-element.ts";
import { shared } from "./theme.ts";

/** A cell that is read: a column of the picture and a bin. */
interface Cell {
  readonly layer: string;
  readonly column: number;
  readonly bin: number;
}

const RAMP = [0, 0.25, 0.5, 0.75, 1].map((share) => `rgb(${colorAt(share).join(" ")})`).join(", ");

/**
 * The colourful dimension: histograms of |x| over time, one panel a layer, low magnitudes at the bottom, coloured by the
 * logarithm of the count.
 * @csspart panel - A layer's picture with its title
 */
export class WgfitColordim extends RunElement {
  static override properties = {
    ...RunElement.properties,
    of: { type: String },
    layer: { type: String },
    table: { type: Boolean, reflect: true },
    cell: { state: true },
    layers: { state: true },
  };
  static override styles = [
    shared,
    css`
      .panels {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr));
        gap: 0.9rem 1.25rem;
      }
      figure {
        min-width: 0;
        margin: 0;
      }
      .picture {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 0 0.4rem;
        margin-top: 0.25rem;
      }
      .scale {
        display: flex;
        flex-direction: column;
        justify-content: space-between;
        min-width: 2ch;
        color: var(--quiet);
        font-size: 0.75rem;
        line-height: 1;
        text-align: right;
      }
      canvas {
        display: block;
        width: 100%;
        height: 7rem;
        border-radius: 2px;
        background: color-mix(in srgb, var(--grid) 45%, transparent);
        cursor: crosshair;
      }
      .reading {
        min-height: 1.45em;
        color: var(--quiet);
        font-size: 0.8125rem;
        font-variant-numeric: tabular-nums;
      }
      .legend {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        color: var(--quiet);
        font-size: 0.8125rem;
      }
      .ramp {
        width: 6rem;
        height: 0.6rem;
        border-radius: 2px;
      }
      .empty {
        min-height: 9rem;
      }
    `,
  ];

  /** "activations" (the default), "gradients" or "weights". */
  declare of: StatisticsKind;
  /** The one layer to show; all that were recorded where it is not set. */
  declare layer: string | null;
  /** The numbers as a table in place of the pictures. */
  declare table: boolean;
  declare cell: Cell | undefined;
  declare layers: readonly string[];
  readonly #maps = new Map<string, Heatmap>();
  #sizes: ResizeObserver | undefined;

  constructor() {
    super();
    this.of = "activations";
    this.table = false;
    this.layers = [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sizes = new ResizeObserver(() => this.requestDraw());
    this.#sizes.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes?.disconnect();
  }

  get #log(): StatisticsLog | undefined {
    return this.run?.statistics.get(this.of);
  }

  protected override render(): TemplateResult {
    const total = this.layers[0] ? this.#total(this.layers[0]) : 0;
    const press = () => {
      this.table = !this.table;
    };
    return html`
      <div class="bar">
        <span class="legend">
          <span>0</span><span class="ramp" style=${`background: linear-gradient(to right, ${RAMP})`}></span>
          <span>${total ? `${whole(total)} values, log` : "values, log"}</span>
        </span>
        <button class="small" aria-pressed=${this.table} @click=${press}>Table</button>
      </div>
      ${
        this.layers.length === 0
          ? html`<p class="quiet empty">No histograms yet.</p>`
          : this.table
            ? this.#tableView()
            : html`<div class="panels">${this.layers.map((layer) => this.#panelView(layer))}</div>`
      }
    `;
  }

  #panelView(layer: string): TemplateResult {
    const [low, high] = this.#log?.histogram.range ?? [0, 1];
    const leave = () => {
      this.cell = undefined;
    };
    return html`
      <figure part="panel">
        <h3 aria-hidden="true">${layer}</h3>
        <div class="picture">
          <div class="scale" aria-hidden="true"><span>${axisText(high)}</span><span>|x|</span><span>${axisText(low)}</span></div>
          <canvas data-layer=${layer} role="img" tabindex="0" aria-label=${this.#label(layer)}
            @pointermove=${(event: PointerEvent) => this.#point(layer, event)} @pointerleave=${leave}
            @blur=${leave} @keydown=${(event: KeyboardEvent) => this.#steer(layer, event)}></canvas>
        </div>
        <div class="reading">${this.cell?.layer === layer ? this.#cellText(this.cell) : ""}</div>
      </figure>
    `;
  }

  #label(layer: string): string {
    if (this.cell?.layer === layer) return `${layer}: ${this.#cellText(this.cell)}`;
    const log = this.#log;
    if (!log?.layers.includes(layer)) return `${layer}: nothing yet`;
    const [mean, std, dead] = [log.mean(layer).at(-1), log.std(layer).at(-1), log.dead(layer).at(-1)];
    const numbers = `mean ${short(mean)}, deviation ${short(std)}, ${percent(dead ?? Number.NaN)} near zero`;
    return `Histograms of ${this.of} of ${layer} over time; last: ${numbers}`;
  }

  #cellText({ layer, column, bin }: Cell): string {
    const [data, map] = [this.#log?.colorDim(layer), this.#maps.get(layer)];
    if (!data || !map) return "";
    const first = column * map.pooled;
    const last = Math.min(data.steps.length, first + map.pooled) - 1;
    const steps =
      first === last ? `batch ${data.steps[first]}` : `batches ${data.steps[first]} to ${data.steps[last]}`;
    const edges = `${short(data.edges[bin])} to ${short(data.edges[bin + 1])}`;
    return `${steps}, |x| ${edges}: ${whole(map.count(data.counts, column, bin))}`;
  }

  #tableView(): TemplateResult {
    const log = this.#log!;
    return html`
      <div class="scroll" tabindex="0" role="region" aria-label="Statistics by layer">
        <table>
          <thead><tr><th>Layer</th><th>Batch</th><th>Mean</th><th>Deviation</th><th>Near zero</th><th>Largest bin</th></tr></thead>
          <tbody>${this.layers.flatMap((layer) => tableRows(log, layer))}</tbody>
        </table>
      </div>
    `;
  }

  #point(layer: string, event: PointerEvent): void {
    const canvas = event.currentTarget as HTMLCanvasElement;
    const [map, data] = [this.#maps.get(layer), this.#log?.colorDim(layer)];
    if (!map || !data) return;
    const x = (event.offsetX / canvas.clientWidth) * this.#span(data, map);
    const bin = map.bins - 1 - Math.floor((event.offsetY / canvas.clientHeight) * map.bins);
    const isInside = x >= 0 && x < map.columns && bin >= 0 && bin < map.bins;
    this.cell = isInside ? { layer, column: Math.floor(x), bin } : undefined;
  }

  #steer(layer: string, event: KeyboardEvent): void {
    const map = this.#maps.get(layer);
    if (!map || map.columns === 0) return;
    const { column, bin } = this.cell?.layer === layer ? this.cell : { column: map.columns - 1, bin: 0 };
    const moves: Readonly<Record<string, readonly [number, number] | undefined>> = {
      ...{ ArrowLeft: [column - 1, bin], ArrowRight: [column + 1, bin] },
      ...{ ArrowUp: [column, bin + 1], ArrowDown: [column, bin - 1] },
      ...{ Home: [0, bin], End: [map.columns - 1, bin], Escape: undefined },
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const to = moves[event.key];
    const within = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
    this.cell = to && { layer, column: within(to[0], map.columns), bin: within(to[1], map.bins) };
  }

  /** Columns that the whole width holds: those of the whole run, where its length is known. */
  #span(data: ColorDim, map: Heatmap): number {
    const { steps } = data;
    const every = steps.length > 1 ? steps[1]! - steps[0]! : 0;
    const planned = every > 0 ? Math.ceil((this.run?.info.totalSteps ?? 0) / every / map.pooled) : 0;
    return Math.max(map.columns, planned, 1);
  }

  /** Elements of a layer's output. */
  #total(layer: string): number {
    return this.#log?.series(layer, "count")[0] ?? 0;
  }

  protected override forget(): void {
    this.#maps.clear();
    this.layers = [];
    this.cell = undefined;
  }

  protected override get isTextLive(): boolean {
    return this.cell !== undefined;
  }

  protected override draw(): void {
    const recorded = this.#log?.layers ?? [];
    const layers =
      this.layer === null || this.layer === undefined ? recorded : recorded.filter((l) => l === this.layer);
    if (layers.join() !== this.layers.join()) {
      this.layers = layers;
      return;
    }
    if (this.table) return;
    for (const canvas of this.renderRoot.querySelectorAll("canvas")) this.#drawLayer(canvas);
  }

  #drawLayer(canvas: HTMLCanvasElement): void {
    const layer = canvas.dataset.layer!;
    const data = this.#log?.colorDim(layer);
    if (!data) return;
    let map = this.#maps.get(layer);
    if (!map) {
      map = new Heatmap(data.bins, this.#total(layer));
      this.#maps.set(layer, map);
    }
    map.paint(data.counts);
    const scale = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((size) => Math.round(size * scale));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d")!;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = false;
    const drawn = (canvas.width * map.columns) / this.#span(data, map);
    pen.drawImage(map.picture, 0, 0, map.columns, map.bins, 0, 0, drawn, canvas.height);
  }
}

function axisText(value: number): string {
  return value !== 0 && (value < 0.01 || value >= 1000) ? value.toExponential(0) : String(value);
}

function tableRows(log: StatisticsLog, layer: string): TemplateResult[] {
  const { steps, counts, bins, edges } = log.colorDim(layer);
  const every = Math.max(1, Math.ceil(steps.length / 20));
  return [...steps.keys()]
    .filter((i) => i % every === 0)
    .map((i) => {
      const own = [...counts.subarray(i * bins, (i + 1) * bins)];
      const largest = own.indexOf(Math.max(...own));
      return html`<tr><th scope="row">${layer}</th><td>${steps[i]}</td><td>${short(log.mean(layer)[i])}</td>
        <td>${short(log.std(layer)[i])}</td><td>${percent(log.dead(layer)[i]!)}</td>
        <td>${short(edges[largest])} to ${short(edges[largest + 1])}</td></tr>`;
    });
}
