import { DataError } from "../../core/errors.ts";

/** Columns of numbers as comma-separated lines under a header. Source  RFC 4180 */
export function csvTable(
  names: readonly string[],
  columns: readonly (readonly (number | string)[])[],
): string {
  const count = columns[0]?.length ?? 0;
  const rows = Array.from({ length: count }, (_, i) => columns.map((column) => column[i]).join(","));
  return `${[names.map(quoted).join(","), ...rows].join("\n")}\n`;
}

/** Columns by name from such lines. Errors  DataError for a line of another length than the header */
export function readCsvTable(text: string): Record<string, number[]> {
  const [header, ...lines] = text.split(/\r?\n/).filter((line) => line !== "");
  if (header === undefined) return {};
  const names = [...header.matchAll(/"((?:[^"]|"")*)"|([^,]+)/g)].map(([, inQuotes, plain]) =>
    inQuotes === undefined ? plain! : inQuotes.replaceAll('""', '"'),
  );
  const rows = lines.map((line, i) => {
    const cells = line.split(",");
    if (cells.length === names.length) return cells.map(Number);
    throw new DataError({
      op: "csv",
      problem: `line ${i + 2}`,
      expected: `${names.length} numbers`,
      got: `${cells.length}`,
    });
  });
  return Object.fromEntries(names.map((name, column) => [name, rows.map((row) => row[column]!)]));
}

function quoted(name: string): string {
  return /[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
