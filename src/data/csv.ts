import { DataError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { type DataSet, dataSet } from "./data-set.ts";

export interface CsvOptions {
  /** Column of the target: its name in the first line, or its place from 0. Default the last. */
  readonly target?: string | number;
  /** What the target is: a class (any text; classes count in the order of their names) or a number. Default "class". */
  readonly kind?: "class" | "number";
  /** Default ",". */
  readonly separator?: string;
  /** The first line names the columns. Default: where one of its fields other than the target is no number. */
  readonly header?: boolean;
}

/** A data set of features, with what its columns and classes are called. */
export interface CsvData {
  readonly data: DataSet;
  readonly features: readonly string[];
  /** Names of the classes, by number; none where the target is a number. */
  readonly classes: readonly string[];
}

/** A line of the file with its number from 1. */
interface Row {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * Features from text with a line for each example; fields may be quoted, quotes in them doubled.
 * Shapes  x [columns − 1]; y [] for classes, [1] for numbers
 * Errors  DataError naming line and column: fields missing or too many, a feature that is no finite number, an open quote
 * Source  RFC 4180
 */
export function csvData(text: string, options: CsvOptions = {}): CsvData {
  knownOptions("csvData", options, { target: true, kind: true, separator: true, header: true });
  const { kind = "class", separator = "," } = options;
  const rows = parseRows(text, separator);
  const first = rows[0] ?? refuse("no lines", "at least one example", "none");
  const target = targetIn(first, options.target);
  const header = options.header ?? looksLikeHeader(first, target, kind);
  const examples = header ? rows.slice(1) : rows;
  const width = first.fields.length;
  for (const { line, fields } of examples) {
    if (fields.length === width) continue;
    refuse(`fields in line ${line}`, `${width}, as in line ${first.line}`, `${fields.length}`);
  }
  if (width < 2) refuse("columns", "a target and at least one feature", `${width}`);
  if (examples.length === 0) refuse("no examples", "at least one line below the names", "none");
  const names = first.fields.map((name, i) => (header ? name : `column ${i}`));
  const places = names.flatMap((_, i) => (i === target ? [] : [i]));
  const x = new Float32Array(examples.length * places.length);
  examples.forEach((row, n) => {
    places.forEach((place, k) => {
      x[n * places.length + k] = numberIn(row, place, names[place]!);
    });
  });
  const inputs = { data: x, shape: [places.length] };
  const features = places.map((place) => names[place]!);
  if (kind === "number") {
    const y = Float32Array.from(examples, (row) => numberIn(row, target, names[target]!));
    return { data: dataSet({ inputs, targets: { data: y, shape: [1] } }), features, classes: [] };
  }
  const classes = [...new Set(examples.map(({ fields }) => fields[target]!))].sort(byName);
  const numbers = new Map(classes.map((name, i) => [name, i]));
  const y = Int32Array.from(examples, ({ fields }) => numbers.get(fields[target]!)!);
  const data = dataSet({ inputs, targets: { data: y, shape: [] }, classes: classes.length });
  return { data, features, classes };
}

function refuse(problem: string, expected: string, got: string): never {
  throw new DataError({ op: "csvData", problem, expected, got: got.slice(0, 80) });
}

/** Numbers in their order, other names in that of their characters. */
function byName(a: string, b: string): number {
  const difference = Number(a) - Number(b);
  if (difference) return difference;
  return a < b ? -1 : Number(a > b);
}

function targetIn({ fields }: Row, target: string | number = fields.length - 1): number {
  const place = typeof target === "number" ? target : fields.indexOf(target);
  if (Number.isInteger(place) && place >= 0 && place < fields.length) return place;
  return refuse("target", `one of ${fields.join(", ")}, or a place from 0`, `${target}`);
}

/** True if a field that has to be a number is none. */
function looksLikeHeader({ fields }: Row, target: number, kind: "class" | "number"): boolean {
  return fields.some((field, i) => (i !== target || kind === "number") && !isNumber(field));
}

function isNumber(field: string): boolean {
  return field.trim() !== "" && Number.isFinite(Math.fround(Number(field)));
}

function numberIn({ line, fields }: Row, place: number, name: string): number {
  const field = fields[place]!;
  if (isNumber(field)) return Number(field);
  return refuse(`${name} in line ${line}`, "a finite number", field === "" ? "an empty field" : field);
}

/** Lines that hold anything, as fields. */
function parseRows(text: string, separator: string): Row[] {
  if (separator.length !== 1 || /["\r\n]/.test(separator)) {
    refuse("separator", "one character, no quote and no end of line", separator);
  }
  const rows: Row[] = [];
  let [line, start, at] = [1, 1, text.charCodeAt(0) === 0xfeff ? 1 : 0];
  let fields: string[] = [];
  while (at < text.length) {
    const field = text[at] === '"' ? quotedField(text, at, line) : plainField(text, at, separator);
    fields.push(field.text);
    line += field.lines;
    at = field.end;
    if (at < text.length && text[at] === separator) {
      at++;
      // A separator at the very end has an empty field behind it.
      if (at < text.length) continue;
      fields.push("");
    } else if (at < text.length && text[at] !== "\n" && text[at] !== "\r") {
      refuse(`line ${line}`, "a separator or an end of line behind a closing quote", text.slice(at, at + 20));
    }
    if (fields.length > 1 || fields[0] !== "") rows.push({ line: start, fields });
    fields = [];
    if (text[at] === "\r" && text[at + 1] === "\n") at++;
    at++;
    start = ++line;
  }
  return rows;
}

interface Field {
  readonly text: string;
  /** Place behind the field. */
  readonly end: number;
  /** Line ends inside it. */
  readonly lines: number;
}

function plainField(text: string, start: number, separator: string): Field {
  let end = start;
  while (end < text.length && text[end] !== separator && text[end] !== "\n" && text[end] !== "\r") end++;
  return { text: text.slice(start, end).trim(), end, lines: 0 };
}

function quotedField(text: string, start: number, line: number): Field {
  let end = start + 1;
  while (end < text.length) {
    if (text[end] !== '"') end++;
    else if (text[end + 1] === '"') end += 2;
    else break;
  }
  if (end >= text.length)
    return refuse(`quote opened in line ${line}`, "a closing quote", "the end of the text");
  const inside = text.slice(start + 1, end);
  return { text: inside.replaceAll('""', '"'), end: end + 1, lines: inside.split("\n").length - 1 };
}
