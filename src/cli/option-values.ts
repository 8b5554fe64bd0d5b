/** Readers of the typed values of options. */

/** Values by option name, as the parser returns them. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly string[]>>;

/** A value the user typed cannot be used; the message is one sentence. */
export class OptionError extends Error {
  override readonly name = "OptionError";
}

export function text(values: OptionValues, name: string): string | null {
  const value = values[name];
  return typeof value === "string" ? value : null;
}

export function count(values: OptionValues, name: string): number | null {
  const typed = text(values, name);
  if (typed === null) return null;
  const value = Number(typed);
  if (/^\d+$/.test(typed) && value >= 1 && Number.isSafeInteger(value)) return value;
  throw new OptionError(`--${name}: expected a whole number of at least 1, got "${typed}"`);
}

export function positive(values: OptionValues, name: string): number | null {
  const typed = text(values, name);
  if (typed === null) return null;
  const value = Number(typed);
  if (typed.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new OptionError(`--${name}: expected a number above 0, got "${typed}"`);
}

const LARGEST_SEED = 2 ** 32 - 1;
const MOST_RUNS = 1000;

export function seeds(values: OptionValues): readonly number[] {
  const typed = text(values, "seed") ?? "1";
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(typed);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match && first <= last && last <= LARGEST_SEED && last - first < MOST_RUNS) {
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  }
  throw new OptionError(
    `--seed: expected a whole number from 0 to ${LARGEST_SEED}, or two as in 1..3 (at most ${MOST_RUNS} runs), got "${typed}"`,
  );
}
