import { ShaderError } from "../core/errors.ts";
import { isPadded, type Physical } from "../core/layout.ts";
import { floatLiteral } from "../core/literal.ts";
import type { PointwiseCall, PointwiseProgram } from "../graph/pointwise.ts";
import { blankComments } from "../wgsl/scan.ts";

/** An operand of a pointwise program as the shader sees it. */
export type Operand =
  | { readonly kind: "literal"; readonly number: number }
  /** The value being stored (operand 0 of an epilogue). */
  | { readonly kind: "stored" }
  | { readonly kind: "buffer"; readonly variable: string; readonly physical: Physical };

/** Text that runs a program: a function body and what it needs. */
export interface ComposedProgram {
  readonly body: string;
  readonly declarations: readonly string[];
  /** Names of the variables bound in group 1, in binding order. */
  readonly variables: readonly string[];
}

/** Elements of width 4 need a last dimension of 4k, or operands that are all contiguous or uniform. */
export function elementWidth(out: Physical, operands: readonly Operand[]): 1 | 4 {
  if (out.size % 4 !== 0) return 1;
  if ((out.dims.at(-1) ?? 1) % 4 === 0) return 4;
  const simple = operands.every((operand) => {
    if (operand.kind !== "buffer") return true;
    const groups = indexGroups(out, operand.physical);
    // The whole operand in the order of the result: one that repeats would not start over at a multiple of 4.
    const whole = groups[0]?.inner === 1 && groups[0].size === out.size && groups[0].stride === 1;
    return groups.length === 0 || whole;
  });
  return simple && !isPadded(out) ? 4 : 1;
}

/**
 * Body of a function over the element index `i` (and `v`, where an operand is the value being stored) that evaluates a
 * program, with operand loads for every kind of broadcast.
 */
export function composeProgram(
  program: PointwiseProgram,
  operands: readonly Operand[],
  out: Physical,
  width: 1 | 4,
): ComposedProgram {
  const statements: string[] = [];
  const declarations: string[] = [];
  const variables: string[] = [];
  const names = operands.map((operand, n) => {
    if (operand.kind === "literal") return `Elem(${floatLiteral(operand.number)})`;
    if (operand.kind === "stored") return "v";
    const load = loadOperand(operand.variable, operand.physical, out, width);
    declarations.push(
      `@group(1) @binding(${variables.length}) var<storage, read> ${operand.variable}: array<${load.type}>;`,
    );
    variables.push(operand.variable);
    statements.push(`let o${n} = ${load.expression};`);
    return `o${n}`;
  });
  program.calls.forEach((call, n) => {
    const args = call.args.map((ref) => ("operand" in ref ? names[ref.operand]! : `t${ref.call}`));
    const params = call.params.map(floatLiteral);
    statements.push(`let t${n} = ${call.fn}(${[...args, ...params].join(", ")});`);
  });
  const result = Object.values(program.results)[0]!;
  return {
    body: `${statements.join(" ")} return t${result};`,
    declarations: [...declarations, ...withWords(functionsOf(program.calls), width)],
    variables,
  };
}

/** Functions over the bits of numbers name their type `Word`, as wide as Elem. */
function withWords(functions: readonly string[], width: 1 | 4): string[] {
  const used = functions.some((text) => /\bWord\b/.test(text));
  return [...(used ? [`alias Word = ${width === 4 ? "vec4<u32>" : "u32"};`] : []), ...functions];
}

interface IndexGroup {
  /** Product of the sizes of the dimensions inside this group, to divide the index by. */
  readonly inner: number;
  readonly size: number;
  readonly stride: number;
}

/** The operand's index as Σ ((i / inner) % size) · stride over merged runs of physical dimensions of `out`. */
function indexGroups(out: Physical, operand: Physical): IndexGroup[] {
  const rank = out.shape.length;
  const order = out.layout.order ?? out.shape.map((_, axis) => axis);
  const offset = rank - operand.shape.length;
  const groups: { inner: number; size: number; stride: number }[] = [];
  let inner = 1;
  for (let position = rank - 1; position >= 0; position--) {
    const axis = order[position]! - offset;
    const size = out.dims[position]!;
    const repeated = axis < 0 || (operand.shape[axis] === 1 && out.shape[axis + offset] !== 1);
    const stride = repeated || size === 1 ? 0 : operand.strides[axis]!;
    const last = groups.at(-1);
    if (size > 1) {
      const continues = last && stride === last.stride * last.size && last.inner * last.size === inner;
      if (continues) last.size *= size;
      else groups.push({ inner, size, stride });
    }
    inner *= size;
  }
  return groups.filter((group) => group.stride !== 0);
}

function loadOperand(variable: string, operand: Physical, out: Physical, width: 1 | 4) {
  const groups = indexGroups(out, operand);
  if (width === 1) return { type: "f32", expression: `${variable}[${indexText(groups, out, "i", 1)}]` };
  const innermost = groups.find((group) => group.inner === 1);
  if (!innermost) {
    return { type: "f32", expression: `Elem(${variable}[${indexText(groups, out, "(i * 4u)", 1)}])` };
  }
  const aligned = innermost.stride === 1 && groups.every((g) => g === innermost || g.stride % 4 === 0);
  if (aligned) {
    const quads = groups.map((g) =>
      g === innermost
        ? { ...g, size: Math.ceil(g.size / 4) }
        : { inner: g.inner / 4, size: g.size, stride: g.stride / 4 },
    );
    if (quads.every((g) => Number.isInteger(g.inner))) {
      return { type: "Elem", expression: `${variable}[${indexText(quads, out, "i", 4)}]` };
    }
  }
  const lanes = [0, 1, 2, 3].map(
    (lane) => `${variable}[${indexText(groups, out, `(i * 4u + ${lane}u)`, 1)}]`,
  );
  return { type: "f32", expression: `Elem(${lanes.join(", ")})` };
}

function indexText(groups: readonly IndexGroup[], out: Physical, i: string, width: 1 | 4): string {
  if (groups.length === 0) return "0u";
  const total = out.size / width;
  return groups
    .map(({ inner, size, stride }) => {
      const divided = inner === 1 ? i : `(${i} / ${inner}u)`;
      const wrapped = inner * size >= total ? divided : `(${divided} % ${size}u)`;
      return stride === 1 ? wrapped : `${wrapped} * ${stride}u`;
    })
    .join(" + ");
}

/** Declarations of the functions that calls need, each once, with the helpers those use. */
export function functionsOf(calls: readonly Pick<PointwiseCall, "fn" | "wgsl">[]): string[] {
  const texts = new Map<string, string>();
  for (const call of calls) {
    const available = splitFunctions(call.wgsl);
    const pending = [call.fn];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const text = available.get(name);
      if (text === undefined) {
        throw new ShaderError({
          op: call.fn,
          problem: "function missing in the WGSL of a pointwise op",
          expected: `fn ${name}(...)`,
          got: [...available.keys()].join(", ") || "no function",
          fix: "declare the function at the start of a line",
        });
      }
      if (texts.has(name)) continue;
      texts.set(name, text);
      for (const other of available.keys()) {
        if (other !== name && new RegExp(`\\b${other}\\s*\\(`).test(text)) pending.push(other);
      }
    }
  }
  return [...texts.values()];
}

const functionCache = new Map<string, Map<string, string>>();

/** Top-level functions of a fragment by name; comments dropped. */
function splitFunctions(wgsl: string): Map<string, string> {
  const cached = functionCache.get(wgsl);
  if (cached) return cached;
  const text = blankComments(wgsl);
  const functions = new Map<string, string>();
  for (const match of text.matchAll(/\bfn\s+(\w+)\s*\(/g)) {
    let depth = 0;
    for (let at = match.index; at < text.length; at++) {
      if (text[at] === "{") depth++;
      if (text[at] === "}" && --depth === 0) {
        functions.set(match[1]!, text.slice(match.index, at + 1).replace(/\n\s*\n/g, "\n"));
        break;
      }
    }
  }
  functionCache.set(wgsl, functions);
  return functions;
}
