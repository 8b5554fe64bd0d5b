import { css } from "lit";

export const trainerStyle = css`
  .toolbar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.5rem;
  }
  .toolbar button {
    min-height: 2.5rem;
  }
  button.main {
    min-width: 6.5rem;
    border-color: var(--accent);
    background: var(--accent);
    color: light-dark(#ffffff, #0d1522);
    font-weight: 600;
  }
  button.main:disabled {
    color: light-dark(#ffffff, #0d1522);
  }
  label {
    display: flex;
    align-items: center;
    gap: 0.4rem;
    margin-left: 0.4rem;
    color: var(--quiet);
  }
  input[type="range"] {
    width: 6.5rem;
    accent-color: var(--accent);
  }
  output {
    min-width: 4.2em;
    color: var(--fg);
    font-variant-numeric: tabular-nums;
  }
  .line {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.25rem 0.9rem;
    min-height: 1.45em;
    margin-top: 0.6rem;
  }
  .line p {
    flex: 1 1 16rem;
  }
  progress {
    flex: 0 1 14rem;
    height: 0.4rem;
    accent-color: var(--accent);
  }
  .failure {
    margin-top: 0.75rem;
    padding-left: 0.75rem;
    border-left: 3px solid var(--danger);
    overflow-wrap: anywhere;
  }
  .failure h3 {
    color: var(--danger);
  }
`;
