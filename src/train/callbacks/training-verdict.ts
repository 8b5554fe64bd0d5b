import { OptionError } from "../../core/errors.ts";
import { FASTAI_BINS } from "../../core/histogram.ts";
import { knownOptions } from "../../core/known-options.ts";
import type { Callback, FitContext, StepRecord } from "../callback.ts";
import type { ProbeMoment, ProbeRequest, ProbeResult, ProbeSelector, ProbeSite } from "../probes.ts";
import { LayerWatch, type Verdict, verdict } from "../verdict.ts";

export interface TrainingVerdictOptions {
  /** Layers to watch; default every activation layer (ReLU and its kin). */
  readonly at?: ProbeSelector;
  /** Steps from one record to the next. Default 1: a crash may take few steps. */
  readonly every?: number;
  /** Steps from one record of weights and updates to the next. Default 10. */
  readonly weightsEvery?: number;
  /** Hears a verdict that calls for a change, once for each kind, when it is first reached. */
  onVerdict?(verdict: Verdict, step: number): void;
}

/** Kinds of layers whose outputs show whether a net trains. */
const ACTIVATIONS = [
  "relu",
  "leakyRelu",
  "prelu",
  "elu",
  "selu",
  "gelu",
  "silu",
  "hardswish",
  "mish",
  "softplus",
];

/** Watches a run for activations that rise and crash, layers that stay inactive and updates out of proportion. */
export class TrainingVerdict implements Callback {
  readonly name = "TrainingVerdict";
  readonly probes: readonly ProbeRequest[];
  readonly #layers = new Map<string, LayerWatch>();
  readonly #weights = new Map<string, number>();
  readonly #ratios = new Map<string, number[]>();
  readonly #losses: number[] = [];
  readonly #told = new Set<string>();
  readonly #onVerdict: TrainingVerdictOptions["onVerdict"];
  #hasBatchNorm = false;

  /** Errors  OptionError */
  constructor(options: TrainingVerdictOptions = {}) {
    knownOptions("TrainingVerdict", options, { at: true, every: true, weightsEvery: true, onVerdict: true });
    const { every = 1, weightsEvery = 10 } = options;
    for (const [problem, value] of Object.entries({ every, weightsEvery })) {
      if (Number.isInteger(value) && value >= 1) continue;
      throw new OptionError({ op: this.name, problem, expected: "a positive integer", got: `${value}` });
    }
    this.#onVerdict = options.onVerdict;
    const at = options.at ?? (({ kind }: ProbeSite) => ACTIVATIONS.includes(kind));
    const isMatrix = ({ shape }: ProbeSite) => shape.length > 1;
    const common = { splits: ["train"], histogram: FASTAI_BINS } as const;
    const weights = { ...common, at: isMatrix, every: weightsEvery };
    this.probes = [
      { ...common, of: "activations", at, every, receive: (results, moment) => this.#watch(results, moment) },
      { ...weights, of: "weights", receive: (results) => this.#keepWeights(results) },
      { ...weights, of: "updates", receive: (results) => this.#addRatios(results) },
    ];
  }

  beforeFit({ learner }: FitContext): void {
    this.#hasBatchNorm = learner.model.modules().some(({ module }) => "running_mean" in module.states);
  }

  onRecord({ loss, step }: StepRecord): void {
    this.#losses.push(loss);
    if (!this.#onVerdict) return;
    const now = this.verdict();
    if (now.isHealthy || this.#told.has(now.kind)) return;
    this.#told.add(now.kind);
    this.#onVerdict(now, step);
  }

  /** The reading of the run so far. */
  verdict(): Verdict {
    return verdict({
      layers: this.#layers,
      updateRatios: this.#ratios,
      losses: this.#losses,
      hasBatchNorm: this.#hasBatchNorm,
    });
  }

  /** Update-to-weight ratios by parameter, at every record. */
  get updateRatios(): ReadonlyMap<string, readonly number[]> {
    return this.#ratios;
  }

  /** What was seen of each layer. */
  get layers(): ReadonlyMap<string, LayerWatch> {
    return this.#layers;
  }

  #watch(results: readonly ProbeResult[], { step }: ProbeMoment): void {
    for (const { path, statistics } of results) {
      let watch = this.#layers.get(path);
      if (!watch) {
        watch = new LayerWatch(FASTAI_BINS);
        this.#layers.set(path, watch);
      }
      const { bins, over, nan, inf } = statistics;
      watch.push(step, bins, { over, invalid: nan + inf });
    }
  }

  #keepWeights(results: readonly ProbeResult[]): void {
    for (const { path, statistics } of results) this.#weights.set(path, statistics.norm);
  }

  #addRatios(results: readonly ProbeResult[]): void {
    for (const { path, statistics } of results) {
      const ratios = this.#ratios.get(path) ?? [];
      ratios.push(statistics.norm / this.#weights.get(path)!);
      this.#ratios.set(path, ratios);
    }
  }
}
