import { css } from "lit";

/** Colours of the elements by name. A page sets the public ones: --wgfit-fg, -bg, -quiet, -grid, -accent, -second. */
export const INKS = ["fg", "bg", "quiet", "grid", "accent", "faint", "second", "danger", "good"] as const;
export type Ink = (typeof INKS)[number];
export type Inks = Readonly<Record<Ink, string>>;

/** Styles all elements share. */
export const shared = css`
  :host {
    --fg: var(--wgfit-fg, light-dark(#1a1d24, #e8eaee));
    --bg: var(--wgfit-bg, light-dark(#ffffff, #1b1e24));
    --quiet: var(--wgfit-quiet, light-dark(#576070, #9ba5b4));
    --grid: var(--wgfit-grid, light-dark(#dfe3ea, #343a45));
    --accent: var(--wgfit-accent, light-dark(#2a5fc4, #82aaff));
    --faint: var(--wgfit-faint, light-dark(#a8bee9, #495f8e));
    --second: var(--wgfit-second, light-dark(#9a4a00, #f0a860));
    --danger: light-dark(#a81f30, #ff8f96);
    --good: light-dark(#146b50, #6fd1ac);
    container: wgfit / inline-size;
    display: block;
    min-width: 0;
    box-sizing: border-box;
    color: var(--fg);
    font-family: var(--wgfit-font, system-ui, sans-serif);
    font-size: 0.875rem;
    line-height: 1.45;
  }
  :host([hidden]) {
    display: none;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  h3 {
    margin: 0;
    font-size: 0.875rem;
    font-weight: 600;
  }
  p {
    margin: 0;
  }
  .quiet {
    color: var(--quiet);
  }
  button,
  select,
  input {
    font: inherit;
  }
  button {
    min-height: 2rem;
    padding: 0 0.7rem;
    border: 1px solid var(--grid);
    border-radius: 0.4rem;
    background: var(--bg);
    color: var(--fg);
    cursor: pointer;
  }
  button:hover:enabled {
    border-color: var(--accent);
  }
  button:disabled {
    color: var(--quiet);
    opacity: 0.6;
    cursor: default;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
  }
  button.small {
    min-height: 1.75rem;
    padding: 0 0.55rem;
    color: var(--quiet);
    font-size: 0.8125rem;
  }
  button.small:hover,
  button.small[aria-pressed="true"] {
    color: var(--fg);
  }
  button.small[aria-pressed="true"] {
    border-color: var(--accent);
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.25rem 0.75rem;
    min-height: 2rem;
  }
  .bar > :first-child {
    flex: 1 1 0;
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .scroll {
    overflow: auto;
    max-height: 20rem;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-variant-numeric: tabular-nums;
  }
  th,
  td {
    padding: 0.2rem 0 0.2rem 0.9rem;
    text-align: right;
    white-space: nowrap;
  }
  th:first-child,
  td:first-child {
    padding-left: 0;
    text-align: left;
  }
  thead th {
    position: sticky;
    top: 0;
    background: var(--bg);
    color: var(--quiet);
    font-size: 0.8125rem;
    font-weight: 400;
  }
  tbody th {
    font-weight: 400;
  }
  tbody tr,
  tfoot tr {
    border-top: 1px solid var(--grid);
  }
`;

/** The inks as a canvas takes them: what the custom properties amount to where the element stands. */
export function readInks(root: ShadowRoot): Inks {
  const probe = document.createElement("span");
  probe.hidden = true;
  root.append(probe);
  const style = getComputedStyle(probe);
  const entries = INKS.map((ink) => {
    probe.style.color = `var(--${ink})`;
    return [ink, style.color];
  });
  probe.remove();
  return Object.fromEntries(entries) as Record<Ink, string>;
}

const listeners = new Set<() => void>();
let isWatching = false;

/** Calls `change` when the page's colours may have changed; returns how to stop that. */
export function onThemeChange(change: () => void): () => void {
  listeners.add(change);
  if (!isWatching) {
    isWatching = true;
    const all = () => {
      for (const listener of listeners) listener();
    };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
    const attributeFilter = ["class", "style", "data-theme"];
    const observer = new MutationObserver(all);
    observer.observe(document.documentElement, { attributeFilter });
    if (document.body) observer.observe(document.body, { attributeFilter });
  }
  return () => listeners.delete(change);
}

/** Whether the visitor asked for less motion: drawings then change once an epoch. */
export function wantsStillness(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
