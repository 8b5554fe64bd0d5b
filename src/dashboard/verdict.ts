import { css, html, type TemplateResult } from "lit";
import { RunElement } from "./run-element.ts";
import { shared } from "./theme.ts";

/** What a run's activations and updates say of it, in one sentence. */
export class WgfitVerdict extends RunElement {
  static override styles = [
    shared,
    css`
      .verdict {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 0 0.75rem;
        min-height: 3.2rem;
        padding-left: 0.75rem;
        border-left: 3px solid var(--tone, var(--grid));
      }
      .good {
        --tone: var(--good);
      }
      .bad {
        --tone: var(--danger);
      }
      .kind {
        grid-column: 1 / -1;
        color: var(--tone, var(--quiet));
        font-weight: 600;
      }
      .sentence {
        grid-column: 1 / -1;
        overflow-wrap: anywhere;
      }
    `,
  ];

  protected override render(): TemplateResult {
    const last = this.run?.verdicts.at(-1);
    if (!last) {
      return html`<div class="verdict" role="status"><p class="kind">Verdict</p><p class="sentence quiet">Watching activations, gradients and updates.</p></div>`;
    }
    const { step, verdict } = last;
    const rest = verdict.sentence.slice(verdict.kind.length + 1).trim();
    return html`
      <div class=${`verdict ${verdict.isHealthy ? "good" : "bad"}`} role="status">
        <p class="kind">${capitalised(verdict.kind)} <span class="quiet">${verdict.isHealthy ? "since" : "at"} step ${step}</span></p>
        <p class="sentence">${capitalised(rest)}</p>
      </div>
    `;
  }

  protected override hear({ type }: Parameters<RunElement["hear"]>[0]): void {
    if (type === "verdict") this.requestUpdate();
  }

  protected override forget(): void {
    this.requestUpdate();
  }

  /** All of it is text. */
  protected override draw(): void {}
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
