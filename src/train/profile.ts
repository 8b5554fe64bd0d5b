import { alignColumns, formatBytes, formatCount } from "../plan/print.ts";
import type { PlanDispatch } from "../plan/step-plan.ts";

/** What an adapter can do at most, measured on it. */
export interface Ceilings {
  /** Multiply and add counted apart. Units  10⁹ operations a second */
  readonly gflops: number;
  /** Read and written together. Units  10⁹ bytes a second */
  readonly gbytes: number;
}

/** Device time of one dispatch of a step. */
export interface DispatchProfile
  extends Pick<PlanDispatch, "label" | "path" | "phase" | "flops" | "bytes" | "detail"> {
  /** Units  milliseconds */
  readonly ms: number;
  /** Share of the least time that the ceilings allow: max(flops/gflops, bytes/gbytes) / ms; NaN without ceilings. */
  readonly roofline: number;
}

/** Device time of one training step by dispatch, the least of several runs. */
export interface StepProfile {
  readonly dispatches: readonly DispatchProfile[];
  /** The step as training runs it, all dispatches in one pass. Units  milliseconds */
  readonly stepMs: number;
  readonly ceilings: Ceilings | undefined;
}

/** Time of all dispatches of a layer. */
export interface LayerProfile {
  readonly path: string;
  readonly ms: number;
  readonly share: number;
  readonly forwardMs: number;
  readonly backwardMs: number;
  readonly dispatches: number;
}

/** Puts times (in nanoseconds) beside the dispatches they belong to. */
export function stepProfile(
  dispatches: readonly PlanDispatch[],
  times: { readonly dispatches: Float64Array; readonly whole: number },
  ceilings?: Ceilings,
): StepProfile {
  return {
    dispatches: dispatches.map(({ label, path, phase, flops, bytes, detail }, i) => {
      const ns = times.dispatches[i]!;
      const least = ceilings ? Math.max(flops / ceilings.gflops, bytes / ceilings.gbytes) : Number.NaN;
      return { label, path, phase, flops, bytes, detail, ms: ns / 1e6, roofline: least / ns };
    }),
    stepMs: times.whole / 1e6,
    ceilings,
  };
}

/** Times summed by layer, the slowest first. */
export function byLayer({ dispatches }: StepProfile): LayerProfile[] {
  const total = dispatches.reduce((sum, { ms }) => sum + ms, 0);
  const layers = new Map<string, { ms: number; forwardMs: number; backwardMs: number; dispatches: number }>();
  for (const { path, phase, ms } of dispatches) {
    const layer = layers.get(path) ?? { ms: 0, forwardMs: 0, backwardMs: 0, dispatches: 0 };
    layer.ms += ms;
    layer.dispatches++;
    if (phase === "forward") layer.forwardMs += ms;
    if (phase === "backward") layer.backwardMs += ms;
    layers.set(path, layer);
  }
  return [...layers]
    .map(([path, layer]) => ({ path, ...layer, share: layer.ms / total }))
    .sort((a, b) => b.ms - a.ms);
}

/** The tables a person reads: every dispatch in its order, then the layers, the slowest first. */
export function printProfile(profile: StepProfile): string {
  const sum = profile.dispatches.reduce((total, { ms }) => total + ms, 0);
  const percent = (share: number) => (Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "-");
  const rows = profile.dispatches.map((d, i) => [
    `#${String(i).padStart(2, "0")}`,
    d.label,
    d.path || "-",
    d.phase,
    d.ms.toFixed(3),
    percent(d.ms / sum),
    d.flops ? `${(d.flops / d.ms / 1e6).toFixed(2)}` : "-",
    `${(d.bytes / d.ms / 1e6).toFixed(2)}`,
    percent(d.roofline),
    d.detail,
  ]);
  const layers = byLayer(profile).map((layer) => [
    layer.path || "-",
    layer.ms.toFixed(3),
    percent(layer.share),
    layer.forwardMs.toFixed(3),
    layer.backwardMs.toFixed(3),
    `${layer.dispatches}`,
  ]);
  const { ceilings } = profile;
  const flops = profile.dispatches.reduce((total, d) => total + d.flops, 0);
  const bytes = profile.dispatches.reduce((total, d) => total + d.bytes, 0);
  return [
    ...alignColumns([
      ["#", "kernel", "layer", "phase", "ms", "share", "GFLOP/s", "GB/s", "roofline", "specialised"],
      ...rows,
    ]),
    "",
    ...alignColumns([["layer", "ms", "share", "forward", "backward", "dispatches"], ...layers]),
    "",
    `dispatches ${sum.toFixed(2)} ms, the step in one pass ${profile.stepMs.toFixed(2)} ms; ` +
      `${formatCount(flops)}FLOP, ${formatBytes(bytes)} touched`,
    ceilings
      ? `roofline: the share of ${ceilings.gflops.toFixed(1)} GFLOP/s or ${ceilings.gbytes.toFixed(1)} GB/s, whichever binds`
      : "roofline: not measured",
  ].join("\n");
}
