import { OptionError } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** The names of all options of a type; one that is missing or too much does not compile. */
export type OptionNames<T extends object> = Readonly<Record<keyof T, true>>;

/**
 * Refuses options that do not exist: a misspelt one would be ignored in silence otherwise.
 * Errors  OptionError naming the nearest option there is, or all of them
 */
export function knownOptions<T extends object>(op: string, given: T, known: OptionNames<T>): void {
  const names = Object.keys(known);
  if (typeof given !== "object" || given === null) {
    throw new OptionError({
      op,
      problem: "options",
      expected: `an object with ${names.join(", ")}`,
      got: `${given}`,
    });
  }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  const near = nearest(unknown, names);
  throw new OptionError({
    op,
    problem: "unknown option",
    expected: near ?? names.join(", "),
    got: unknown,
    fix: near ? `the options are ${names.join(", ")}` : "remove it",
  });
}
