import { OptionError } from "../core/errors.ts";

/** Refuses an option that is no number, or outside [low, high], or too large for f32. */
export function numberOption(op: string, name: string, value: number, low = -3.4e38, high = 3.4e38): number {
  if (typeof value === "number" && value >= low && value <= high) return value;
  const unbounded = low === -3.4e38 && high === 3.4e38;
  throw new OptionError({
    op,
    problem: name,
    expected: unbounded
      ? "a finite number"
      : high === 3.4e38
        ? `a number from ${low}`
        : `a number from ${low} to ${high}`,
    got: `${value}`,
  });
}
