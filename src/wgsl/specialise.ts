import { ShaderError } from "../core/errors.ts";
import { literal } from "../core/literal.ts";
import { blankComments } from "./scan.ts";
import { unroll } from "./unroll.ts";

/** What `specialise` may change in a WGSL file that is valid as it stands. */
export interface Specialisation {
  /** `const NAME: type = value;` initialisers. */
  readonly const?: Readonly<Record<string, number | boolean>>;
  /** `alias Name = type;` right-hand sides. */
  readonly alias?: Readonly<Record<string, string>>;
  /** Bodies of functions that stand on one line. */
  readonly hook?: Readonly<Record<string, string>>;
  /** Declarations put at the end, so that the line numbers of the file hold. */
  readonly append?: readonly string[];
}

/**
 * Sets constants, type aliases and hooks of a WGSL file, expands its `// unroll` loops, and appends declarations. Every
 * line keeps its number, so that a compiler's message points into the file on disk.
 * Errors  ShaderError if a name is absent from the file
 */
export function specialise(code: string, label: string, change: Specialisation): string {
  let text = code;
  for (const [name, value] of Object.entries(change.const ?? {})) text = setConst(text, label, name, value);
  for (const [name, type] of Object.entries(change.alias ?? {})) {
    const pattern = new RegExp(`^(alias\\s+${name}\\s*=\\s*)[^;]+;`, "m");
    text = replaceOnce(text, label, pattern, (head) => `${head}${type};`, `alias ${name}`);
  }
  for (const [name, body] of Object.entries(change.hook ?? {})) {
    const pattern = new RegExp(`^(fn\\s+${name}\\s*\\([^{]*\\{).*\\}\\s*$`, "m");
    text = replaceOnce(text, label, pattern, (head) => `${head} ${body} }`, `fn ${name} on one line`);
  }
  const unrolled = unroll(text, label);
  return change.append?.length ? `${unrolled.trimEnd()}\n${change.append.join("\n")}\n` : unrolled;
}

function setConst(code: string, label: string, name: string, value: number | boolean): string {
  const pattern = new RegExp(`^(const\\s+${name}\\s*:\\s*(\\w+)\\s*=\\s*)[^;]+;`, "m");
  return replaceOnce(
    code,
    label,
    pattern,
    (head, type) => `${head}${literal(value, type!)};`,
    `const ${name}`,
  );
}

function replaceOnce(
  code: string,
  label: string,
  pattern: RegExp,
  replacement: (head: string, type?: string) => string,
  wanted: string,
): string {
  const visible = blankComments(code);
  const match = pattern.exec(visible);
  if (!match) {
    throw new ShaderError({
      op: label,
      problem: "nothing to specialise",
      expected: `a line with ${wanted}`,
      got: "none in the file",
      fix: "declare it at the top level of the WGSL file, at the start of a line",
    });
  }
  const start = match.index;
  const end = start + match[0].length;
  return code.slice(0, start) + replacement(match[1]!, match[2]) + code.slice(end);
}
