import { knownOptions } from "../../core/known-options.ts";
import { type Callback, CancelFit, type FitContext } from "../callback.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement after which the fit ends. Default 1. */
  readonly patience?: number;
}

/** Ends the fit when a number has not improved for some epochs. Source  fastai EarlyStoppingCallback */
export class EarlyStopping implements Callback {
  readonly name = "earlyStopping";
  readonly order = 60;
  readonly #monitor: Monitor;
  readonly #patience: number;
  #waited = 0;

  constructor(options: EarlyStoppingOptions = {}) {
    knownOptions(this.name, options, { monitor: true, mode: true, minDelta: true, patience: true });
    this.#monitor = new Monitor(this.name, options);
    this.#patience = options.patience ?? 1;
  }

  /** Best value so far, and its epoch. */
  get best(): { readonly value: number; readonly epoch: number } {
    return { value: this.#monitor.best, epoch: this.#monitor.bestEpoch };
  }

  beforeFit(context: FitContext): void {
    this.#monitor.start(context);
    this.#waited = 0;
  }

  afterEpoch(context: FitContext): void {
    this.#waited = this.#monitor.improves(context) ? 0 : this.#waited + 1;
    if (this.#waited >= this.#patience) throw new CancelFit();
  }
}
