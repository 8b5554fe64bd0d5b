import { css, html, type TemplateResult } from "lit";
import { percent, short, whole } from "./format.ts";
import { RunElement } from "./run-element.ts";
import { shared } from "./theme.ts";

/** Time over which the speed is measured. */
const WINDOW_MS = 2000;

/** The numbers of the last step and epoch. */
export class WgfitNumbers extends RunElement {
  static override styles = [
    shared,
    css`
      dl {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr));
        gap: 0.6rem 1rem;
        margin: 0;
      }
      dt {
        color: var(--quiet);
        font-size: 0.8125rem;
      }
      dd {
        margin: 0;
        font-size: 1.3rem;
        font-variant-numeric: tabular-nums;
        line-height: 1.3;
        white-space: nowrap;
      }
      small {
        color: var(--quiet);
        font-size: 0.8125rem;
      }
    `,
  ];
  #arrivals: { readonly time: number; readonly length: number }[] = [];

  protected override render(): TemplateResult {
    const columns = this.run?.columns;
    const last = this.run?.epochs.at(-1);
    const total = this.run?.info.totalSteps;
    const speed = this.#speed();
    return html`
      <dl>
        ${number("Loss", short(columns?.smoothLoss.at(-1)))}
        ${number("Accuracy", last ? percent(last.metrics.accuracy ?? Number.NaN) : "–")}
        ${number("Learning rate", short(columns?.lr.at(-1)))}
        ${number("Momentum", short(columns?.momentum.at(-1)))}
        ${number("Step", this.run?.length ? whole(this.run.length) : "–", total ? ` of ${whole(total)}` : "")}
        ${number("Images/s", speed === undefined ? "–" : whole(speed))}
      </dl>
    `;
  }

  protected override get isTextLive(): boolean {
    return true;
  }

  protected override hear(message: Parameters<RunElement["hear"]>[0]): void {
    if (message.type === "steps") {
      const time = performance.now();
      this.#arrivals.push({ time, length: this.run!.length });
      while (time - this.#arrivals[0]!.time > WINDOW_MS) this.#arrivals.shift();
    }
    super.hear(message);
  }

  /** Examples a second over the last two seconds; undefined before, and for a run that was recorded. */
  #speed(): number | undefined {
    const [first, last] = [this.#arrivals[0], this.#arrivals.at(-1)];
    if (!first || !last || last.time - first.time < WINDOW_MS / 4) return undefined;
    const batch = this.run?.info.batchSize;
    return batch && ((last.length - first.length) * batch * 1000) / (last.time - first.time);
  }

  protected override forget(): void {
    this.#arrivals = [];
    this.requestUpdate();
  }

  /** All of it is text. */
  protected override draw(): void {}
}

function number(name: string, value: string, note = ""): TemplateResult {
  return html`<div><dt>${name}</dt><dd>${value}<small>${note}</small></dd></div>`;
}
