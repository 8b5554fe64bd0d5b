import { numel, type Shape } from "../core/shape.ts";
import type { AnyModule } from "../nn/module.ts";

/** A count and the formula it came from, with the numbers put in. */
export interface Counted {
  readonly count: number;
  readonly formula: string;
}

/** Elements of a layer's parameters by what they do. */
export interface ParameterCounts {
  readonly weights: number;
  readonly biases: number;
  /** Scale γ of a normalisation. */
  readonly gamma: number;
  /** Shift β of a normalisation. */
  readonly beta: number;
}

/** A product of numbers as it is written: "64·7·7". */
const product = (...factors: readonly number[]): Counted => ({
  count: factors.reduce((all, factor) => all * factor, 1),
  formula: factors.join("·"),
});

/** Parameters of a layer's own, apart by what they do, and how they come about. */
export function parameterCounts({ kind, states }: AnyModule): ParameterCounts & { readonly formula: string } {
  const isNorm = /norm$/i.test(kind);
  const counts = { weights: 0, biases: 0, gamma: 0, beta: 0 };
  const terms: string[] = [];
  for (const [name, { role, shape }] of Object.entries(states)) {
    if (role !== "parameter") continue;
    const isBias = name === "bias";
    const slot = isNorm ? (isBias ? "beta" : "gamma") : isBias ? "biases" : "weights";
    counts[slot] += numel(shape);
    terms.push(`${name} ${shape.length > 1 ? `${product(...shape).formula} = ` : ""}${numel(shape)}`);
  }
  return { ...counts, formula: terms.join(" + ") };
}

/** Running statistics and counters of a layer's own. */
export function bufferCount({ states }: AnyModule): number {
  return Object.values(states)
    .filter(({ role }) => role === "buffer")
    .reduce((sum, { shape }) => sum + numel(shape), 0);
}

/** How many multiply-adds the forward of a layer takes; undefined for kinds whose products are not known here. */
export function forwardMacs({ kind, states }: AnyModule, input: Shape, output: Shape): Counted | undefined {
  const weight = states.weight?.shape;
  if (!weight) return undefined;
  // One product for every output and every weight of its window.
  if (kind === "conv2d") return product(...output, ...weight.slice(1));
  // One for every input and every weight it spreads by.
  if (kind === "convTranspose2d") return product(...input, ...weight.slice(1));
  if (kind === "linear") return product(...output, weight[1]!);
  return undefined;
}

/** How the height of a window's output comes about; "" for layers without a window. */
export function outputFormula({ kind, attrs }: AnyModule, input: Shape, output: Shape): string {
  if (!["conv2d", "maxPool2d", "avgPool2d"].includes(kind) || input.length !== 4) return "";
  const [kernel, h] = [first(attrs.kernel, 1), input[2]!];
  const stride = first(attrs.stride, kind === "conv2d" ? 1 : kernel);
  const [padding, dilation] = [first(attrs.padding, 0), first(attrs.dilation, 1)];
  const brackets = attrs.ceilMode ? ["⌈", "⌉"] : ["⌊", "⌋"];
  const inner = `(${h} + 2·${padding} − ${dilation}·(${kernel} − 1) − 1)/${stride}`;
  return `H' = ${brackets[0]}${inner}${brackets[1]} + 1 = ${output[2]}`;
}

function first(value: unknown, missing: number): number {
  if (typeof value === "number") return value;
  return Array.isArray(value) && typeof value[0] === "number" ? value[0] : missing;
}

/** "3×3", or "" where there is no window. */
export function kernelText({ attrs: { kernel } }: AnyModule): string {
  if (typeof kernel === "number") return `${kernel}×${kernel}`;
  return Array.isArray(kernel) ? kernel.join("×") : "";
}
