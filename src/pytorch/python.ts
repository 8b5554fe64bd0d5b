/** Text of Python literals. */

export type PythonValue =
  | number
  | string
  | boolean
  | null
  | undefined
  | readonly PythonValue[]
  | { readonly [key: string]: PythonValue };

/** A literal: lists become tuples, objects dicts. */
export function literal(value: PythonValue): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return numberText(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (isList(value)) {
    return value.length === 1 ? `(${literal(value[0])},)` : `(${value.map(literal).join(", ")})`;
  }
  return `{${Object.entries(value)
    .map(([key, one]) => `${JSON.stringify(key)}: ${literal(one)}`)
    .join(", ")}}`;
}

function isList(value: object): value is readonly PythonValue[] {
  return Array.isArray(value);
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'float("nan")';
  return Number.isFinite(value) ? `${value}` : `float("${value > 0 ? "" : "-"}inf")`;
}

/** Arguments of a call: positional ones, then keywords; a keyword that is undefined is left out. */
export function args(
  positional: readonly PythonValue[],
  keywords: Readonly<Record<string, PythonValue>> = {},
): string {
  const named = Object.entries(keywords).filter(([, value]) => value !== undefined);
  return [...positional.map(literal), ...named.map(([key, value]) => `${key}=${literal(value)}`)].join(", ");
}

/** Attribute access: `self.conv`, or by name where the name is no identifier. */
export function member(of: string, name: string): string {
  return isIdentifier(name) ? `${of}.${name}` : `${of}.get_submodule(${literal(name)})`;
}

/** Words that Python or nn.Module keep for themselves. */
const TAKEN = new Set(
  (
    "and as assert async await break class continue def del elif else except finally for from global if import in is " +
    "lambda nonlocal not or pass raise return try while with yield None True False self forward training"
  ).split(" "),
);

export function isIdentifier(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name) && !TAKEN.has(name);
}
