import { OptionError } from "../../core/errors.ts";
import { knownOptions, type OptionNames } from "../../core/known-options.ts";
import type { Callback } from "../callback.ts";
import {
  type HistogramOptions,
  histogramScale,
  type ProbeKind,
  type ProbeRequest,
  type ProbeSelector,
} from "../probes.ts";
import { StatisticsLog } from "../statistics-log.ts";

/** What to record, and how often. */
export interface StatisticsOptions extends HistogramOptions {
  /** Layers or parameters by path, pattern, kind or function; default all. */
  readonly at?: ProbeSelector;
  /** Steps from one record to the next; default 10 for activations, 50 for gradients and weights. */
  readonly every?: number;
}

export interface ActivationStatsOptions extends StatisticsOptions {
  /** Record batches of the validations too, in `valid`. Default false. */
  readonly valid?: boolean;
}

export interface GradientStatsOptions extends StatisticsOptions {
  /** Gradients with respect to parameters, or to the outputs of layers. Default "parameters". */
  readonly of?: "parameters" | "activations";
}

const COMMON: OptionNames<StatisticsOptions> = {
  ...{ at: true, every: true, bins: true, range: true, scale: true },
};

function request(
  of: ProbeKind,
  options: StatisticsOptions,
  defaults: { readonly every: number; readonly scale: "linear" | "log" },
  logs: Readonly<Partial<Record<"train" | "valid", StatisticsLog>>>,
): ProbeRequest {
  const { at = "*", every = defaults.every } = options;
  if (!(Number.isInteger(every) && every >= 1)) {
    throw new OptionError({ op: of, problem: "every", expected: "a positive integer", got: `${every}` });
  }
  return {
    ...{ of, at, every },
    splits: logs.valid ? ["train", "valid"] : ["train"],
    histogram: histogramScale({ scale: defaults.scale, ...options }),
    receive: (results, moment) => logs[moment.split]?.add(results, moment),
  };
}

/**
 * Records mean, deviation, extremes, near-zero shares and a histogram of what layers give, taken on the device. Steps
 * without statistics run the plan they would run anyway; those with them give the same loss to the bit.
 * Source  fastai callback/hook.py, ActivationStats
 */
export class ActivationStats implements Callback {
  readonly name = "ActivationStats";
  readonly probes: readonly ProbeRequest[];
  /** Of training steps. */
  readonly train: StatisticsLog;
  /** Of validation batches; each has the step after which the validation ran. */
  readonly valid: StatisticsLog;

  /** Errors  OptionError */
  constructor(options: ActivationStatsOptions = {}) {
    knownOptions("ActivationStats", options, { ...COMMON, valid: true });
    const { valid = false, ...common } = options;
    const histogram = histogramScale({ scale: "linear", ...common });
    this.train = new StatisticsLog(histogram);
    this.valid = new StatisticsLog(histogram);
    const logs = { train: this.train, ...(valid && { valid: this.valid }) };
    this.probes = [request("activations", common, { every: 10, scale: "linear" }, logs)];
  }
}

/** Records the same of gradients, before clipping, by default on a logarithmic scale. */
export class GradientStats implements Callback {
  readonly name = "GradientStats";
  readonly probes: readonly ProbeRequest[];
  readonly train: StatisticsLog;

  /** Errors  OptionError */
  constructor(options: GradientStatsOptions = {}) {
    knownOptions("GradientStats", options, { ...COMMON, of: true });
    const { of = "parameters", ...common } = options;
    const kind = of === "activations" ? "activationGradients" : "gradients";
    this.train = new StatisticsLog(histogramScale({ scale: "log", ...common }));
    this.probes = [request(kind, common, { every: 50, scale: "log" }, { train: this.train })];
  }
}

/** Records the same of parameters before the step's update, and of what the update adds to them. */
export class WeightStats implements Callback {
  readonly name = "WeightStats";
  readonly probes: readonly ProbeRequest[];
  /** Of the parameters. */
  readonly train: StatisticsLog;
  /** Of their changes in one step: lr times the gradient for plain SGD. Empty with gradient accumulation. */
  readonly updates: StatisticsLog;

  /** Errors  OptionError */
  constructor(options: StatisticsOptions = {}) {
    knownOptions("WeightStats", options, COMMON);
    const histogram = histogramScale({ scale: "log", ...options });
    this.train = new StatisticsLog(histogram);
    this.updates = new StatisticsLog(histogram);
    const defaults = { every: 50, scale: "log" } as const;
    this.probes = [
      request("weights", options, defaults, { train: this.train }),
      request("updates", options, defaults, { train: this.updates }),
    ];
  }

  /** Norm of the update divided by the norm of the parameter, for every recorded step; about 1e-3 is usual. */
  updateRatio(parameter: string): Float32Array {
    const weights = this.train.series(parameter, "norm");
    const updates = this.updates.series(parameter, "norm");
    return weights.map((norm, i) => updates[i]! / norm);
  }
}
