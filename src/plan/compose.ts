import { ShaderError } from "../core/errors.ts";
import { isPadded, type Physical } from "../core/layout.ts";
import { floatLiteral } from "../core/literal.ts";
import type { PointwiseCall, PointwiseProgram, Ref } from "../graph/pointwise.ts";
import { blankComments } from "../wgsl/scan.ts";

/** An operand of a pointwise program as the shader sees it. */
export type Operand =
  | { readonly kind: "literal"; readonly number: number }
  /** A number the kernel holds already: the value being stored, an element it has loaded. */
  | { readonly kind: "register"; readonly expression: string }
  /** One number a channel (or four) of a variable that the kernel binds itself. */
  | { readonly kind: "channel"; readonly expression: string }
  | { readonly kind: "buffer"; readonly variable: string; readonly physical: Physical };

/** A function body or a name in it, and the nested calls that make its value. */
export interface ComposedBody {
  readonly text: string;
  readonly expression: string;
}

/** What the programs fused into one kernel need beside their bodies. */
export interface ComposedParts {
  readonly declarations: readonly string[];
  /** Names of the variables bound in group 1, in binding order. */
  readonly variables: readonly string[];
  /** What is read once a thread, over the channel `c`. */
  readonly channel: readonly string[];
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
 * Elements of `out` in a row of its innermost dimension, which every thread keeps its place in (its channel) where
 * operands have one number for each; 1 where none has, or rows are too long to go by.
 */
export function channelsOf(out: Physical, operands: readonly Operand[], width: 1 | 4): number {
  const row = out.dims.at(-1) ?? 1;
  if (row % width !== 0 || row / width > MOST_CHANNELS) return 1;
  const some = operands.some(
    (operand) => operand.kind === "buffer" && channelIndex(operand.physical, out) === "c",
  );
  return some ? row / width : 1;
}

/** Longest row, in elements of the kernel, whose numbers are kept by the thread. */
const MOST_CHANNELS = 1024;

/** Index of an operand that depends on the channel alone: "c", or "0u" for a single number. */
function channelIndex(operand: Physical, out: Physical): "c" | "0u" | undefined {
  const groups = indexGroups(out, operand);
  if (groups.length === 0) return "0u";
  const [only] = groups;
  const perChannel = groups.length === 1 && only!.inner === 1 && only!.stride === 1;
  return perChannel && only!.size === out.dims.at(-1) && only!.size < out.size ? "c" : undefined;
}

/**
 * Bodies of functions that evaluate programs within one kernel, over the element index `i` of `out` and the numbers `k`
 * of its channel, with operand loads for every kind of broadcast. An operand that several programs read is bound once.
 */
export class ProgramComposer {
  readonly #width: 1 | 4;
  readonly #declarations = new Map<string, string>();
  readonly #calls: PointwiseCall[] = [];
  readonly #channel: string[] = [];

  constructor(width: 1 | 4) {
    this.#width = width;
  }

  /**
   * The body of the function that returns the program's result. `keep`: the function gets the numbers `k` of its
   * channel, an element of the innermost dimension of `out`; "single": `k` holds only what is the same everywhere.
   * `made` names what the function is given already, by the expressions that made it.
   */
  body(
    program: PointwiseProgram,
    operands: readonly Operand[],
    out: Physical,
    keep: boolean | "single",
    made: ReadonlyMap<string, string> = new Map(),
  ): ComposedBody {
    const statements: string[] = [];
    const names = new Map<string, ComposedBody>();
    const operand = (n: number): ComposedBody => {
      const name = this.#operand(operands[n]!, out, keep);
      if (name !== undefined) return { text: name, expression: name };
      const { variable, physical } = operands[n] as Operand & { kind: "buffer" };
      const load = loadOperand(variable, physical, out, this.#width);
      this.#declare(variable, load.type);
      statements.push(`let o${n} = ${load.expression};`);
      return { text: `o${n}`, expression: load.expression };
    };
    const call = (n: number): ComposedBody => {
      const { fn, args, params, ...rest } = program.calls[n]!;
      const values = args.map(resolve);
      const literals = params.map(floatLiteral);
      const expression = `${fn}(${[...values.map((value) => value.expression), ...literals].join(", ")})`;
      const given = made.get(expression);
      if (given) return { text: given, expression };
      this.#calls.push({ fn, args, params, ...rest });
      const text = `${fn}(${[...values.map((value) => value.text), ...literals].join(", ")})`;
      // What depends on the channel alone is made once a thread.
      const channel = keep === true && values.every((value) => /^(k\[|Elem\()/.test(value.text));
      if (channel) return { text: this.#kept(text), expression };
      statements.push(`let t${n} = ${text};`);
      return { text: `t${n}`, expression };
    };
    const resolve = (ref: Ref): ComposedBody => {
      const key = "operand" in ref ? `o${ref.operand}` : `t${ref.call}`;
      const found = names.get(key) ?? ("operand" in ref ? operand(ref.operand) : call(ref.call));
      names.set(key, found);
      return found;
    };
    const { text, expression } = resolve({ call: Object.values(program.results)[0]! });
    return { text: [...statements, `return ${text};`].join(" "), expression };
  }

  /** An operand that needs no load in the function itself. */
  #operand(operand: Operand, out: Physical, keep: boolean | "single"): string | undefined {
    if (operand.kind === "literal") return `Elem(${floatLiteral(operand.number)})`;
    if (operand.kind === "register") return operand.expression;
    if (operand.kind === "channel") return this.#kept(operand.expression);
    return keep ? this.#keptLoad(operand.variable, operand.physical, out, keep) : undefined;
  }

  finish(): ComposedParts {
    return {
      declarations: [...this.#declarations.values(), ...withWords(functionsOf(this.#calls), this.#width)],
      variables: [...this.#declarations.keys()],
      channel: this.#channel,
    };
  }

  #keptLoad(variable: string, operand: Physical, out: Physical, keep: true | "single"): string | undefined {
    const index = channelIndex(operand, out);
    const wide = index === "c";
    if (index === undefined || (wide && keep === "single")) return undefined;
    // A variable has one type: what was bound as numbers is not bound as vectors too.
    const declared = this.#declarations.get(variable);
    if (declared && !declared.endsWith(`array<${wide ? "Elem" : "f32"}>;`)) return undefined;
    this.#declare(variable, wide ? "Elem" : "f32");
    return this.#kept(wide ? `${variable}[c]` : `Elem(${variable}[0u])`);
  }

  #kept(expression: string): string {
    const found = this.#channel.indexOf(expression);
    return `k[${found >= 0 ? found : this.#channel.push(expression) - 1}]`;
  }

  #declare(variable: string, type: string): void {
    if (this.#declarations.has(variable)) return;
    const binding = this.#declarations.size;
    this.#declarations.set(
      variable,
      `@group(1) @binding(${binding}) var<storage, read> ${variable}: array<${type}>;`,
    );
  }
}

/** The alias and the hook of a kernel that keeps the numbers of a channel; none where there are none. */
export function channelHook({ channel }: ComposedParts) {
  if (channel.length === 0) return {};
  const lets = channel.map((text, n) => `let k${n} = ${text.replace(/\bk\[(\d+)\]/g, "k$1")};`);
  return {
    alias: { Channel: `array<Elem, ${channel.length}>` },
    hook: { channel: `${lets.join(" ")} return Channel(${channel.map((_, n) => `k${n}`).join(", ")});` },
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
