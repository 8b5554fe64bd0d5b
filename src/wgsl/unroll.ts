import { ShaderError } from "../core/errors.ts";
import { blankComments } from "./scan.ts";

const HEADER =
  /for\s*\(\s*var\s+(\w+)\s*(?::\s*\w+)?\s*=\s*([^;]+);\s*\1\s*<\s*([^;]+);\s*\1\s*(?:\+\+|\+=\s*([^)]+))\s*\)\s*\{\s*(?:\/\/ unroll[^\n]*|\/\*unroll\*\/)/;

/** The mark of an inner loop once its lines are joined. */
const JOINED_MARK = "/*unroll*/";

/**
 * Expands every `for (var i = 0u; i < N; i++) { // unroll` into copies of its body with `i` replaced by a literal,
 * outermost first, bounds being literals or constants of the file. The copies stand on one line and the lines of the
 * loop are left empty behind them, so that line numbers hold. Arrays indexed by `i` then live in registers: the same
 * tile runs ten times slower on a software adapter without this.
 * Errors  ShaderError if a bound is not a constant, or a body is not closed
 */
export function unroll(code: string, label: string): string {
  let text = code;
  for (let guard = 0; guard < 100_000; guard++) {
    const match = HEADER.exec(text);
    if (!match) return text;
    text = expandOne(text, match, label);
  }
  throw new ShaderError({ op: label, problem: "unroll does not end", fix: "nest fewer unrolled loops" });
}

function expandOne(text: string, match: RegExpExecArray, label: string): string {
  const [header, name, from, to, by] = match as unknown as [
    string,
    string,
    string,
    string,
    string | undefined,
  ];
  const bodyStart = match.index + header.length;
  const bodyEnd = closingBrace(text, bodyStart, label);
  const body = text.slice(bodyStart, bodyEnd);
  const lines = header.split("\n").length - 1 + body.split("\n").length - 1;
  const first = evaluate(from, text, label);
  const last = evaluate(to, text, label);
  const step = by === undefined ? 1 : evaluate(by, text, label);
  const suffix = /u\s*$/.test(from) ? "u" : "";
  const flat = joinLines(body);
  const copies: string[] = [];
  for (let i = first; i < last; i += step) {
    copies.push(`{ ${flat.replace(new RegExp(`\\b${name}\\b`, "g"), `${i}${suffix}`)} }`);
  }
  return text.slice(0, match.index) + copies.join(" ") + "\n".repeat(lines) + text.slice(bodyEnd + 1);
}

/** One line without comments, except the marks of inner loops, which change to a form that ends on its line. */
function joinLines(body: string): string {
  return body
    .split("\n")
    .map((line) => {
      const mark = line.indexOf("// unroll");
      if (mark >= 0) return `${line.slice(0, mark)}${JOINED_MARK}`;
      // A line that was joined before holds the marks of loops further inside.
      return line.split(JOINED_MARK).map(blankComments).join(JOINED_MARK);
    })
    .map((line) => line.trim())
    .join(" ");
}

function closingBrace(text: string, start: number, label: string): number {
  const visible = blankComments(text);
  let depth = 1;
  for (let i = start; i < visible.length; i++) {
    if (visible[i] === "{") depth++;
    else if (visible[i] === "}" && --depth === 0) return i;
  }
  throw new ShaderError({ op: label, problem: "an unrolled loop is not closed", fix: "balance the braces" });
}

/** Value of an integer expression of literals and constants of the file. */
export function evaluate(expression: string, code: string, label: string, depth = 0): number {
  const resolved = expression.replace(/\b[A-Za-z_]\w*\b/g, (name) => {
    if (name === "u" || name === "i") return "";
    const match = new RegExp(`^const\\s+${name}\\s*:\\s*\\w+\\s*=\\s*([^;]+);`, "m").exec(code);
    if (!match || depth > 8) {
      throw new ShaderError({
        op: label,
        problem: "bound of an unrolled loop",
        expected: "literals and constants of the file",
        got: expression.trim(),
        fix: "use a `const` at the top level, or drop the unroll mark",
      });
    }
    return String(evaluate(match[1]!, code, label, depth + 1));
  });
  return arithmetic(resolved.replace(/(\d)[ui]\b/g, "$1"), label);
}

/**
 * + − * / % and parentheses over integers, division rounding toward zero as in WGSL.
 * Errors  ShaderError for anything else: a wrong number of copies would be a wrong result
 */
function arithmetic(text: string, label: string): number {
  const tokens = text.match(/\w+|[^\w\s]+?/g) ?? [];
  let at = 0;
  const refuse = (): never => {
    throw new ShaderError({
      op: label,
      problem: "bound of an unrolled loop",
      expected: "integers, + - * / % and parentheses",
      got: text.trim(),
      fix: "compute the bound where the kernel is launched and pass it as a `const`",
    });
  };
  const atom = (): number => {
    const token = tokens[at++] ?? "";
    if (token === "(") {
      const value = sum();
      return tokens[at++] === ")" ? value : refuse();
    }
    if (token === "-") return -atom();
    return /^\d+$/.test(token) ? Number(token) : refuse();
  };
  const product = (): number => {
    let value = atom();
    for (let token = tokens[at]; token === "*" || token === "/" || token === "%"; token = tokens[at]) {
      at++;
      const right = atom();
      value = token === "*" ? value * right : token === "/" ? Math.trunc(value / right) : value % right;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    for (let token = tokens[at]; token === "+" || token === "-"; token = tokens[at]) {
      at++;
      const right = product();
      value = token === "+" ? value + right : value - right;
    }
    return value;
  };
  const value = sum();
  return at === tokens.length ? value : refuse();
}
