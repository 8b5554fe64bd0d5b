import { css } from "lit";

/** Of uPlot, which draws its legend and cursor with elements. */
export const plotStyle = css`
  figure {
    min-width: 0;
    margin: 0;
  }
  .plot {
    --plot-height: 190;
    /* Plot and legend, so that nothing moves when they come. */
    min-height: calc(190px + 1.75rem);
    overflow: hidden;
  }
  .uplot {
    font-family: inherit;
  }
  .u-legend {
    min-height: 1.75rem;
    margin: 0;
    color: var(--quiet);
    font-size: 0.75rem;
    text-align: left;
  }
  .u-legend.u-inline tr {
    margin-right: 0.4rem;
  }
  .u-legend th {
    font-weight: 400;
  }
  .u-legend th,
  .u-legend td,
  .u-series > * {
    padding: 2px;
    border: 0;
  }
  .u-legend tr {
    border: 0;
  }
  .u-legend .u-marker {
    width: 0.7em;
    height: 0.7em;
    border-radius: 0.2em;
    border: 0 !important;
  }
  .u-legend tr:first-child .u-marker {
    display: none;
  }
  .u-legend .u-value {
    min-width: 2.8em;
    color: var(--fg);
    text-align: left;
    font-variant-numeric: tabular-nums;
  }
  .u-select {
    background: color-mix(in srgb, var(--accent) 18%, transparent);
  }
  .u-hz .u-cursor-x,
  .u-vt .u-cursor-y {
    border-color: var(--quiet);
  }
`;
