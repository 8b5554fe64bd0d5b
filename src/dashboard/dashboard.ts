import { css, html, type PropertyValues, type TemplateResult } from "lit";
import { RunData, type RunJson } from "./run-data.ts";
import { RunElement } from "./run-element.ts";
import { shared } from "./theme.ts";

/**
 * Everything of a run at a glance. Its run is set (`run`), another element's (`for`), or a recorded one (`src`).
 * @fires wgfit-run - When it has another run
 * @fires wgfit-error - When a recorded run cannot be read; detail: message
 * @csspart card - A panel of the dashboard
 * @slot caption - Text above it
 */
export class WgfitDashboard extends RunElement {
  static override properties = {
    ...RunElement.properties,
    src: { type: String },
    of: { state: true },
    problem: { state: true },
  };
  static override styles = [
    shared,
    css`
      .grid {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 0.75rem;
      }
      @container wgfit (min-width: 60rem) {
        .grid {
          grid-template-columns: minmax(0, 3fr) minmax(0, 2fr);
        }
        section:nth-of-type(n + 3) {
          grid-column: 1 / -1;
        }
      }
      section {
        min-width: 0;
        border: 1px solid var(--grid);
        border-radius: 0.75rem;
        padding: 0.75rem 1rem;
        background: var(--bg);
      }
      .title {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 0.25rem 0.75rem;
      }
      h2 {
        margin: 0 auto 0 0;
        font-size: 1rem;
        font-weight: 600;
      }
      .note {
        max-width: 44rem;
        color: var(--quiet);
      }
      [role="alert"] {
        color: var(--danger);
      }
      select {
        min-height: 1.75rem;
        border: 1px solid var(--grid);
        border-radius: 0.4rem;
        padding: 0 0.3rem;
        background: var(--bg);
        color: var(--fg);
        font-size: 0.8125rem;
      }
    `,
  ];

  /** Address of a recorded run (JSON). */
  declare src: string | null;
  declare of: "activations" | "gradients" | "weights";
  declare problem: string | undefined;

  constructor() {
    super();
    this.of = "activations";
  }

  protected override updated(changed: PropertyValues<this>): void {
    super.updated(changed);
    if (changed.has("src") && this.src) void this.#load(this.src);
    if (changed.has("run"))
      this.dispatchEvent(new CustomEvent("wgfit-run", { bubbles: true, composed: true }));
  }

  async #load(address: string): Promise<void> {
    try {
      const response = await fetch(address);
      if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`);
      const run = RunData.fromJSON((await response.json()) as RunJson);
      if (this.src !== address) return;
      this.problem = undefined;
      this.run = run;
    } catch (error) {
      this.problem = `The recorded run cannot be read: ${error instanceof Error ? error.message : error}`;
      const detail = { message: this.problem };
      this.dispatchEvent(new CustomEvent("wgfit-error", { bubbles: true, composed: true, detail }));
    }
  }

  protected override render(): TemplateResult {
    const { run } = this;
    const choose = (event: Event) => {
      this.of = (event.target as HTMLSelectElement).value as WgfitDashboard["of"];
    };
    return html`
      <slot name="caption"></slot>
      ${this.problem ? html`<p role="alert">${this.problem}</p>` : ""}
      <div class="grid">
        <section part="card" aria-label="Numbers"><wgfit-numbers .run=${run}></wgfit-numbers></section>
        <section part="card" aria-label="Verdict"><wgfit-verdict .run=${run}></wgfit-verdict></section>
        <section part="card" aria-label="Curves"><wgfit-chart .run=${run}></wgfit-chart></section>
        <section part="card" aria-labelledby="dim">
          <div class="title">
            <h2 id="dim">Histograms over time</h2>
            <label class="quiet">of <select @change=${choose}>
              <option value="activations">activations</option>
              <option value="gradients">gradients</option>
              <option value="weights">weights</option>
            </select></label>
          </div>
          <p class="note">Each column is one batch; bright cells hold many values. A healthy net fills the height and stays;
            columns that rise and collapse are training going wrong.</p>
          <wgfit-colordim .run=${run} of=${this.of}></wgfit-colordim>
        </section>
        <section part="card" aria-labelledby="stats">
          <div class="title"><h2 id="stats">Statistics of ${this.of}</h2></div>
          <wgfit-stats .run=${run} of=${this.of}></wgfit-stats>
        </section>
        <section part="card" aria-labelledby="model">
          <div class="title"><h2 id="model">Model and memory</h2></div>
          <wgfit-summary .run=${run}></wgfit-summary>
        </section>
      </div>
    `;
  }

  protected override hear(): void {
    // Its parts hear for themselves.
  }

  protected override draw(): void {
    // Its parts draw.
  }
}
