import { OptionError } from "../core/errors.ts";

/** Refuses any of the named numbers that is not a positive integer. */
export function positiveInteger(op: string, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new OptionError({ op, problem: name, expected: "a positive integer", got: `${value}` });
  }
}

/** Refuses a number outside [low, high]. */
export function inRange(op: string, name: string, value: number, low: number, high: number): void {
  if (value >= low && value <= high) return;
  throw new OptionError({ op, problem: name, expected: `a number from ${low} to ${high}`, got: `${value}` });
}
