import { OptionError } from "../core/errors.ts";
import { FASTAI_BINS, type HistogramScale } from "../core/histogram.ts";
import { nearest } from "../core/nearest.ts";
import type { Shape } from "../core/shape.ts";
import { stateValue } from "../graph/leaf.ts";
import type { GraphProbe } from "../graph/probe.ts";
import { currentTrace } from "../graph/trace.ts";
import type { State, Value } from "../graph/value.ts";
import { matches } from "../optim/optimizer.ts";
import { PROBE_PREFIX } from "../plan/step-plan.ts";
import { type NamedValue, namedLayers, namedOps } from "./probe-names.ts";
import { decodeStatistics, type TensorStatistics } from "./statistics.ts";

/** What a probe looks at: outputs of layers, the loss's gradients with respect to them, parameters and theirs. */
export type ProbeKind = "activations" | "activationGradients" | "gradients" | "weights" | "updates";

/** A layer or parameter that a selector may choose. */
export interface ProbeSite {
  /** "block1.relu", or a parameter's name, "block1.conv.weight". */
  readonly path: string;
  /** Kind of the layer ("relu"), name of the op, or "parameter". */
  readonly kind: string;
  readonly shape: Shape;
}

/**
 * Which layers or parameters: a path, a pattern in which `*` stands for any text (of layers without inner ones), a list
 * of those, every layer or operator of a kind, or a function.
 */
export type ProbeSelector =
  | string
  | readonly string[]
  | { readonly op: string }
  | ((site: ProbeSite) => boolean);

/** Statistics of one value at one step. */
export interface ProbeResult extends ProbeSite {
  readonly of: ProbeKind;
  readonly statistics: TensorStatistics;
}

/** When statistics were taken. */
export interface ProbeMoment {
  readonly split: "train" | "valid";
  /** Optimizer steps before, over the learner's life. */
  readonly step: number;
  readonly epoch: number;
  /** Batch within the epoch, or within the validation. */
  readonly batch: number;
}

/** A wish for statistics; the steps that are due run a plan with them, all others the plain one. */
export interface ProbeRequest {
  readonly of: ProbeKind;
  readonly at: ProbeSelector;
  /** Every so many steps (batches, in validation), beginning with the first. */
  readonly every: number;
  readonly splits: readonly ("train" | "valid")[];
  readonly histogram: HistogramScale;
  /** Gets the statistics, in step order, when they have arrived. */
  receive(results: readonly ProbeResult[], moment: ProbeMoment): void;
}

/** Options that all requests share. */
export interface HistogramOptions {
  /** Default 40. */
  readonly bins?: number;
  /** Magnitudes with a bin; default [0, 10], or [1e-8, 100] on a logarithmic scale. */
  readonly range?: readonly [number, number];
  /** Default "linear". */
  readonly scale?: "linear" | "log";
}

export function histogramScale(options: HistogramOptions): HistogramScale {
  const { bins = FASTAI_BINS.bins, scale = "linear" } = options;
  return { bins, scale, range: options.range ?? (scale === "log" ? [1e-8, 100] : FASTAI_BINS.range) };
}

/** A probe of a plan: the output that holds it, and who wants it. */
export interface PlannedProbe extends ProbeSite {
  readonly of: ProbeKind;
  readonly output: string;
  readonly requests: readonly ProbeRequest[];
  readonly histogram: HistogramScale;
}

/** What the capture of a step knows beside the graph. */
export interface ProbedCapture {
  readonly parameters: readonly State[];
  /** Gradients by value, in training. */
  readonly gradients?: ReadonlyMap<Value, Value>;
  /** True where the captured step updates the parameters itself. */
  readonly updates?: boolean;
}

/**
 * The probes that requests ask of the capture under way; equal wishes are one probe. Fills `planned`.
 * Errors  OptionError if a request chooses nothing
 */
export function planProbes(
  requests: readonly ProbeRequest[],
  capture: ProbedCapture,
  planned: Map<string, PlannedProbe>,
): GraphProbe[] {
  const probes: GraphProbe[] = [];
  for (const request of requests) {
    for (const { path, kind, value } of chosen(request, capture)) {
      const { of, histogram } = request;
      const output = `${PROBE_PREFIX}${of}:${path}:${JSON.stringify(histogram)}`;
      const known = planned.get(output);
      planned.set(output, {
        ...{ of, path, kind, output, histogram, shape: value.shape },
        requests: [...(known?.requests ?? []), request],
      });
      if (!known) probes.push({ name: output, value, of: of === "updates" ? "change" : "value", histogram });
    }
  }
  return probes;
}

function chosen(request: ProbeRequest, capture: ProbedCapture): NamedValue[] {
  const { of, at } = request;
  if (of === "updates" && !capture.updates) return [];
  const all = sites(of, capture);
  const picked = all.filter((site) => isChosen(site, at, all));
  const found = of === "activationGradients" ? withGradient(picked, capture) : picked;
  const floats = found.filter(({ value }) => value.dtype === "f32");
  if (floats.length > 0) return floats;
  const paths = all.map(({ path }) => path);
  const near = typeof at === "string" ? nearest(at, paths) : undefined;
  throw new OptionError({
    op: "statistics",
    problem: `${of}: nothing is chosen`,
    expected: near ? `"${near}"` : `one of ${paths.slice(0, 8).join(", ")}${paths.length > 8 ? ", …" : ""}`,
    got: typeof at === "function" ? "a function that is false for all" : JSON.stringify(at),
  });
}

/** Everything a selector may choose among; layers first, then operators that are no layer's own output. */
function sites(of: ProbeKind, { parameters, gradients }: ProbedCapture): NamedValue[] {
  if (of === "activations" || of === "activationGradients") {
    const { calls, nodes } = currentTrace("statistics");
    const layers = namedLayers(calls);
    return [...layers, ...namedOps(nodes, layers)];
  }
  return parameters.flatMap((state): NamedValue[] => {
    const weight = stateValue(state);
    const value = of === "gradients" ? gradients?.get(weight) : weight;
    return value ? [{ path: state.name, kind: "parameter", isLeaf: true, isLayer: true, value }] : [];
  });
}

function withGradient(picked: readonly NamedValue[], { gradients }: ProbedCapture): NamedValue[] {
  return picked.flatMap((site) => {
    const value = gradients?.get(site.value);
    return value ? [{ ...site, value }] : [];
  });
}

function isChosen(site: NamedValue, at: ProbeSelector, all: readonly NamedValue[]): boolean {
  if (typeof at === "function")
    return site.isLeaf && site.isLayer && at({ path: site.path, kind: site.kind, shape: site.value.shape });
  if (typeof at === "object" && "op" in at) return site.isLeaf && site.kind === at.op;
  return (typeof at === "string" ? [at] : at).some((pattern) => {
    if (pattern.includes("*")) return site.isLeaf && site.isLayer && matches(site.path, pattern);
    // A whole path is that layer; one that is none stands for the layers (parameters) inside it.
    const isPath = all.some(({ path }) => path === pattern);
    return isPath ? site.path === pattern : site.isLeaf && site.isLayer && matches(site.path, pattern);
  });
}

/** Statistics of a step by what they are of. */
export function readProbes(
  planned: Iterable<PlannedProbe>,
  bytes: Readonly<Record<string, ArrayBuffer>>,
): { readonly probe: PlannedProbe; readonly result: ProbeResult }[] {
  const all = [];
  for (const probe of planned) {
    const words = bytes[probe.output];
    if (!words) continue;
    const { of, path, kind, shape, histogram } = probe;
    all.push({ probe, result: { of, path, kind, shape, statistics: decodeStatistics(words, histogram) } });
  }
  return all;
}
