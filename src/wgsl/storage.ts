import { blankComments } from "./scan.ts";

/**
 * How numbers that kernels compute with in f32 lie in memory: as halves ("f16"), or, where an adapter has no halves, as
 * the bits of the f32 ("bits") or of the f32 rounded to a half ("rounded"). The last two have the type u32, so that a
 * kernel with an access that was missed does not compile.
 */
export type StorageForm = "f16" | "bits" | "rounded";

interface FormText {
  readonly scalar: string;
  readonly bytes: number;
  /** Directive that a shader with this type begins with. */
  readonly enable: string;
  /** Texts around an element that is read as `float`, and around a value of that type that is stored. */
  load(float: string): readonly [string, string];
  store(float: string, stored: string): readonly [string, string];
}

const FORMS: Readonly<Record<StorageForm, FormText>> = {
  f16: {
    scalar: "f16",
    bytes: 2,
    enable: "enable f16; ",
    load: (float) => [`${float}(`, ")"],
    store: (_, stored) => [`${stored}(`, ")"],
  },
  bits: {
    scalar: "u32",
    bytes: 4,
    enable: "",
    load: (float) => [`bitcast<${float}>(`, ")"],
    store: (float, stored) => [`bitcast<${stored}>(${float}(`, "))"],
  },
  rounded: {
    scalar: "u32",
    bytes: 4,
    enable: "",
    load: (float) => [`bitcast<${float}>(`, ")"],
    store: (_, stored) => [`bitcast<${stored}>(quantizeToF16(`, "))"],
  },
};

/** Bytes of one number in memory. */
export function bytesOf(form: StorageForm): number {
  return FORMS[form].bytes;
}

/** The shader with the directive that the form needs; on its first line, so that every line keeps its number. */
export function enableStorage(code: string, form: StorageForm): string {
  return FORMS[form].enable + code;
}

interface Insertion {
  readonly at: number;
  readonly text: string;
  /** Characters that the text replaces. */
  readonly skip?: number;
}

/**
 * The WGSL with one bound array of floats (or of their bits) kept in another form: `x[i]` becomes `vec4<f32>(x[i])`, and
 * `x[i] = v;` becomes `x[i] = vec4<f16>(v);`. Every line keeps its number. Undefined where the array is used otherwise:
 * by pointer, a lane at a time, in a compound assignment, or under a name that something else has too.
 */
export function changeStorage(code: string, variable: string, form: StorageForm): string | undefined {
  const text = blankComments(code);
  const declared = new RegExp(
    `var\\s*<\\s*storage\\b[^>]*>\\s*(${variable}\\s*:\\s*array<\\s*([\\w<>]+?)\\s*>);`,
  ).exec(text);
  const element = declared && elementOf(text, declared[2]!);
  if (!element) return undefined;
  const { scalar, load, store } = FORMS[form];
  const [float, stored] = [element.of("f32"), element.of(scalar)];
  const own = element.scalar === "u32" ? element.of("u32") : undefined;
  const around = {
    load: nested(own ? [`bitcast<${own}>(`, ")"] : ["", ""], load(float)),
    store: nested(store(float, stored), own ? [`bitcast<${float}>(`, ")"] : ["", ""]),
  };
  const start = declared.index + declared[0].lastIndexOf(declared[1]!);
  const end = start + declared[1]!.length;
  const insertions: Insertion[] = [];
  const shadows = parameterScopes(text, variable);
  for (const { index } of text.matchAll(new RegExp(`(?<![\\w.])${variable}(?!\\w)`, "g"))) {
    if (index === start || shadows.some(([from, to]) => from <= index && index < to)) continue;
    const use = useAt(text, index, variable.length);
    if (use === "length") continue;
    if (use === "other") return undefined;
    if (use.stored) {
      insertions.push(
        { at: use.stored[0], text: around.store[0] },
        { at: use.stored[1], text: around.store[1] },
      );
    } else {
      insertions.push({ at: index, text: around.load[0] }, { at: use.end, text: around.load[1] });
    }
  }
  return inserted(code, [
    ...insertions,
    { at: start, text: `${variable}: array<${stored}>`, skip: end - start },
  ]);
}

function nested(outer: readonly [string, string], inner: readonly [string, string]): [string, string] {
  return [outer[0] + inner[0], inner[1] + outer[1]];
}

/** An element type through its alias: scalar f32 or u32, alone or in a vector. */
function elementOf(text: string, name: string) {
  const type = new RegExp(`\\balias\\s+${name}\\s*=\\s*([^;]+?)\\s*;`).exec(text)?.[1] ?? name;
  const match = /^(?:(f32|u32)|vec([234])(?:<\s*(f32|u32)\s*>|([fu])))$/.exec(type);
  if (!match) return undefined;
  const [, alone, width, long, short] = match;
  const of = (scalar: string) => (alone ? scalar : `vec${width}<${scalar}>`);
  return { scalar: alone ?? long ?? `${short}32`, of };
}

/** Functions with a parameter of that name, which is another thing inside them. */
function parameterScopes(text: string, name: string): [number, number][] {
  const scopes: [number, number][] = [];
  for (const match of text.matchAll(/\bfn\s+\w+\s*\(/g)) {
    const open = match.index + match[0].length - 1;
    const close = closing(text, open);
    const isParameter = new RegExp(`(?<!\\w)${name}\\s*:`).test(text.slice(open, close));
    const body = text.indexOf("{", close);
    if (isParameter && body >= 0) scopes.push([open, closing(text, body)]);
  }
  return scopes;
}

type Use = "length" | "other" | { readonly end: number; readonly stored?: readonly [number, number] };

/** What is done with the variable at this place: an element read, one stored (from where to where the value stands). */
function useAt(text: string, index: number, length: number): Use {
  const before = text.slice(Math.max(0, index - 200), index).trimEnd();
  const open = index + length;
  if (/\barrayLength\s*\(\s*&$/.test(before)) return "length";
  // The address of an element is the start of an expression; `a & x[i]` is not.
  if (text[open] !== "[" || /(^|[=(,{;]|\breturn)\s*&$/.test(before)) return "other";
  const end = closing(text, open) + 1;
  if (!/[;{}]$/.test(before)) return { end };
  const assigned = /^\s*=(?!=)\s*/.exec(text.slice(end, end + 200));
  if (!assigned) return "other";
  const from = end + assigned[0].length;
  let to = from;
  while (to < text.length && text[to] !== ";")
    to = "([{".includes(text[to]!) ? closing(text, to) + 1 : to + 1;
  return { end, stored: [from, to] };
}

/** Place of the bracket that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if ("([{".includes(text[at]!)) depth++;
    else if (")]}".includes(text[at]!) && --depth === 0) return at;
  }
  return text.length;
}

/** Inserts at places of the original text; those at one place stay in the order of the list. */
function inserted(code: string, insertions: readonly Insertion[]): string {
  let result = "";
  let done = 0;
  for (const { at, text, skip = 0 } of insertions.toSorted((a, b) => a.at - b.at)) {
    result += code.slice(done, at) + text;
    done = at + skip;
  }
  return result + code.slice(done);
}
