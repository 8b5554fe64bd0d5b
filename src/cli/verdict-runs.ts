import type { VerdictKind } from "../train/verdict.ts";

/** One run of `npm run verdict`. */
export interface VerdictRun {
  readonly net: "book" | "conv" | "mlp";
  readonly batchNorm: boolean;
  /** One cycle up to 0.06 with momentum, or 0.6 from the first step to the last without. */
  readonly rate: "one-cycle 0.06" | "constant 0.6";
  readonly seed: number;
  readonly batch: number;
  readonly epochs: number;
}

/** A run that has ended. */
export interface VerdictResult extends VerdictRun {
  readonly kind: VerdictKind;
  readonly isHealthy: boolean;
  readonly sentence: string;
  readonly collapses: Readonly<Record<string, number>>;
  readonly accuracy: number;
  readonly loss: number;
  readonly seconds: number;
  /** By layer: the level that 99 % of the activations stay below and the first bin's share, by step. */
  readonly layers: Readonly<
    Record<string, { readonly quantiles: readonly number[]; readonly inactive: readonly number[] }>
  >;
  /** By parameter: norm of the update by norm of the weights, every tenth step. */
  readonly updateRatios: Readonly<Record<string, readonly number[]>>;
}

/** What a run should get: nets with batch norm a clean bill, those without at a high rate a warning. */
export function expectation({ batchNorm, rate }: VerdictRun): "clean" | "flagged" | "either" {
  if (batchNorm) return "clean";
  return rate === "constant 0.6" ? "flagged" : "either";
}

/** Three nets, with batch norm and without, at both rates, so many seeds each; then the two runs of the book. */
export function verdictRuns(seeds: number): VerdictRun[] {
  const runs: VerdictRun[] = [];
  for (const net of ["book", "conv", "mlp"] as const) {
    for (const batchNorm of [true, false]) {
      for (const rate of ["one-cycle 0.06", "constant 0.6"] as const) {
        for (let seed = 1; seed <= seeds; seed++)
          runs.push({ ...{ net, batchNorm, rate, seed }, batch: 128, epochs: 3 });
      }
    }
  }
  const book = { net: "book", seed: 1, batch: 256, epochs: 10 } as const;
  return [
    ...runs,
    { ...book, batchNorm: false, rate: "constant 0.6" },
    { ...book, batchNorm: true, rate: "one-cycle 0.06" },
  ];
}
