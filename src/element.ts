/** Defines the tags of all elements, each unless it is defined already. */
import * as components from "./components.ts";

export * from "./components.ts";

const TAGS = {
  "wgfit-chart": components.WgfitChart,
  "wgfit-colordim": components.WgfitColordim,
  "wgfit-dashboard": components.WgfitDashboard,
  "wgfit-numbers": components.WgfitNumbers,
  "wgfit-samples": components.WgfitSamples,
  "wgfit-stats": components.WgfitStats,
  "wgfit-summary": components.WgfitSummary,
  "wgfit-trainer": components.WgfitTrainer,
  "wgfit-verdict": components.WgfitVerdict,
};

for (const [tag, element] of Object.entries(TAGS)) {
  if (!customElements.get(tag)) customElements.define(tag, element);
}

declare global {
  interface HTMLElementTagNameMap {
    "wgfit-chart": components.WgfitChart;
    "wgfit-colordim": components.WgfitColordim;
    "wgfit-dashboard": components.WgfitDashboard;
    "wgfit-numbers": components.WgfitNumbers;
    "wgfit-samples": components.WgfitSamples;
    "wgfit-stats": components.WgfitStats;
    "wgfit-summary": components.WgfitSummary;
    "wgfit-trainer": components.WgfitTrainer;
    "wgfit-verdict": components.WgfitVerdict;
  }
}
