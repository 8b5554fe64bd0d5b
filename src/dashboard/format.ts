/** Numbers as a person reads them. */

export function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "–";
}

export function percentMark(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}

/** Three or four significant digits, without an exponent where the number is of everyday size. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 1e6) return value.toExponential(1);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return value.toPrecision(3);
}

/** As `short`, without zeros at the end: for marks at round numbers. */
export function mark(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(0);
  return String(Number(value.toPrecision(3)));
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let [value, unit] = [count, 0];
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

/** "28×28×1"; "–" for a scalar. */
export function shapeText(shape: readonly number[]): string {
  return shape.length === 0 ? "–" : shape.join("×");
}
