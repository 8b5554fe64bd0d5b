import { DataError } from "../core/errors.ts";

/** What the header says of one tensor; offsets count from the end of the header. */
export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly offsets: readonly [number, number];
}

export interface Header {
  readonly tensors: ReadonlyMap<string, HeaderEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads the JSON of a safetensors header. It is a reader of its own because JSON.parse keeps the last of two equal
 * names in silence, and because nothing but this one form is allowed.
 * Errors  DataError for anything else, with the position in the header
 */
export function parseHeader(text: string): Header {
  const scanner = new Scanner(text);
  const tensors = new Map<string, HeaderEntry>();
  const metadata = new Map<string, string>();
  let described = false;
  scanner.object((name) => {
    if (name === "__metadata__") {
      if (described) scanner.fail("duplicate name", "each name once", name);
      described = true;
      scanner.object((key) => setOnce(scanner, metadata, key, scanner.string()));
    } else {
      setOnce(scanner, tensors, name, parseEntry(scanner, name));
    }
  });
  scanner.end();
  return { tensors, metadata };
}

function setOnce<T>(scanner: Scanner, map: Map<string, T>, name: string, value: T): void {
  if (map.has(name)) scanner.fail("duplicate name", "each name once", name);
  map.set(name, value);
}

function parseEntry(scanner: Scanner, name: string): HeaderEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object((key) => {
    if (key === "dtype" && dtype === undefined) dtype = scanner.string();
    else if (key === "shape" && !shape) shape = scanner.integers();
    else if (key === "data_offsets" && !offsets) offsets = scanner.integers();
    else scanner.fail(`key of ${name}`, "dtype, shape and data_offsets, each once", key);
  });
  if (dtype === undefined || !shape || offsets?.length !== 2) {
    return scanner.fail(`entry ${name}`, "dtype, shape and two data_offsets", "less");
  }
  return { dtype, shape, offsets: [offsets[0]!, offsets[1]!] };
}

/** More axes than any tensor has; keeps a hostile header from making long arrays. */
const MAX_RANK = 32;

/** Reads the few forms of JSON that a header may hold. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  fail(problem: string, expected: string, got: string): never {
    throw new DataError({
      op: "safetensors",
      problem,
      expected,
      got: got.length > 80 ? `${got.slice(0, 80)}…` : got,
      at: `character ${this.#at} of the header`,
    });
  }

  /** Calls `entry` after every name of an object; it reads the value. */
  object(entry: (name: string) => void): void {
    this.#take("{");
    if (this.#accept("}")) return;
    do {
      const name = this.string();
      this.#take(":");
      entry(name);
    } while (this.#accept(","));
    this.#take("}");
  }

  integers(): number[] {
    const values: number[] = [];
    this.#take("[");
    if (this.#accept("]")) return values;
    do {
      if (values.length === MAX_RANK) this.fail("array", `at most ${MAX_RANK} numbers`, "more");
      values.push(this.#integer());
    } while (this.#accept(","));
    this.#take("]");
    return values;
  }

  #integer(): number {
    this.#skipSpace();
    const digits = /(?:0|[1-9][0-9]{0,15})(?![0-9.eE])/y;
    digits.lastIndex = this.#at;
    const found = digits.exec(this.#text);
    const value = Number(found?.[0]);
    if (!found || !Number.isSafeInteger(value)) return this.#unexpected("a whole number below 2^53");
    this.#at += found[0].length;
    return value;
  }

  string(): string {
    this.#skipSpace();
    const start = this.#at;
    if (this.#text[start] !== '"') return this.#unexpected("a string");
    for (let i = start + 1; i < this.#text.length; i++) {
      if (this.#text[i] === "\\") i++;
      else if (this.#text[i] === '"') {
        this.#at = i + 1;
        return this.#unescape(this.#text.slice(start, i + 1));
      }
    }
    return this.#unexpected("the end of a string");
  }

  #unescape(quoted: string): string {
    try {
      return JSON.parse(quoted) as string;
    } catch {
      return this.fail("string", "a string of JSON", quoted);
    }
  }

  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#unexpected("the end of the header");
  }

  #accept(mark: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    return true;
  }

  #take(mark: string): void {
    if (!this.#accept(mark)) this.#unexpected(mark);
  }

  #unexpected(wanted: string): never {
    const got = this.#text[this.#at];
    return this.fail("header", wanted, got === undefined ? "its end" : JSON.stringify(got));
  }

  #skipSpace(): void {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }
}
