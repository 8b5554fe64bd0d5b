import { css, html, type TemplateResult } from "lit";
import type { SummaryRow } from "../train/summary.ts";
import { bytes, shapeText, short, whole } from "./format.ts";
import type { SummaryData } from "./run-data.ts";
import { RunElement } from "./run-element.ts";
import { shared } from "./theme.ts";

/** A model layer by layer: shapes, parameters with their formulas, multiply-adds, and what a training step holds. */
export class WgfitSummary extends RunElement {
  static override properties = { ...RunElement.properties, summary: { attribute: false } };
  static override styles = [
    shared,
    css`
      .scroll {
        max-height: none;
      }
      small {
        display: block;
        max-width: 14rem;
        margin-left: auto;
        white-space: normal;
        color: var(--quiet);
        font-size: 0.75rem;
      }
      th small {
        margin-left: 0;
      }
      tfoot th,
      tfoot td {
        font-weight: 600;
      }
      dl {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr));
        gap: 0.5rem 1rem;
        margin: 0.9rem 0 0;
      }
      dt {
        color: var(--quiet);
        font-size: 0.8125rem;
      }
      dd {
        margin: 0;
        font-variant-numeric: tabular-nums;
      }
      .empty {
        min-height: 9rem;
      }
    `,
  ];

  /** What summary(model, shape) gave; that of the run where it is not set. */
  declare summary: SummaryData | undefined;

  protected override render(): TemplateResult {
    const summary = this.summary ?? this.run?.summary;
    if (!summary) return html`<p class="quiet empty">No model yet.</p>`;
    const { rows, totals, memory, batch } = summary;
    return html`
      <div class="scroll" tabindex="0" role="region" aria-label="Layers of the model">
        <table>
          <thead><tr><th>Layer</th><th>Output of an image</th><th>Parameters</th><th>Multiply-adds</th><th>Kept for backward</th></tr></thead>
          <tbody>${rows.map(rowView)}</tbody>
          <tfoot><tr><th scope="row">All, batch ${batch}</th><td></td><td>${whole(totals.parameters)}</td>
            <td>${whole(totals.forwardMacs)}</td><td>${bytes(totals.savedBytes)}</td></tr></tfoot>
        </table>
      </div>
      <dl>
        ${fact("Parameters", bytes(totals.parameterBytes))}
        ${fact("Gradients", bytes(totals.gradientBytes))}
        ${fact("Optimizer", bytes(totals.optimizerBytes))}
        ${fact("Peak of a training step", bytes(memory.peak))}
        ${fact("Backward multiply-adds", short(totals.backwardMacs))}
      </dl>
    `;
  }

  protected override hear(message: Parameters<RunElement["hear"]>[0]): void {
    if (message.type === "summary") this.requestUpdate();
  }

  protected override forget(): void {
    this.requestUpdate();
  }

  /** All of it is text. */
  protected override draw(): void {}
}

function rowView({
  name,
  type,
  kernel,
  output,
  parameters,
  forwardMacs,
  savedBytes,
}: SummaryRow): TemplateResult {
  return html`
    <tr>
      <th scope="row">${name}<small>${type}${kernel ? ` ${kernel}` : ""}</small></th>
      <td>${shapeText(output.slice(1))}</td>
      <td>${parameters.total ? whole(parameters.total) : "–"}<small>${parameters.total ? parameters.formula : ""}</small></td>
      <td>${forwardMacs.count ? whole(forwardMacs.count) : "–"}</td>
      <td>${savedBytes ? bytes(savedBytes) : "–"}</td>
    </tr>
  `;
}

function fact(name: string, value: string): TemplateResult {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}
