import { knownOptions } from "../../core/known-options.ts";
import type { Snapshot } from "../../gpu/engine.ts";
import type { Callback, FitContext } from "../callback.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";

export interface SaveBestOptions extends MonitorOptions {
  /** Put the best state back when the fit ends. Default true. */
  readonly restore?: boolean;
}

/**
 * Keeps the state of the best epoch on the device and puts it back when the fit ends: weights, running statistics and
 * the optimizer's moments. Source  fastai SaveModelCallback
 */
export class SaveBest implements Callback {
  readonly name = "saveBest";
  readonly order = 55;
  readonly #monitor: Monitor;
  readonly #restores: boolean;
  #snapshot: Snapshot | undefined;

  constructor(options: SaveBestOptions = {}) {
    knownOptions(this.name, options, { monitor: true, mode: true, minDelta: true, restore: true });
    this.#monitor = new Monitor(this.name, options);
    this.#restores = options.restore ?? true;
  }

  /** Best value so far, and its epoch. */
  get best(): { readonly value: number; readonly epoch: number } {
    return { value: this.#monitor.best, epoch: this.#monitor.bestEpoch };
  }

  beforeFit(context: FitContext): void {
    this.#monitor.start(context);
    this.#forget();
  }

  async afterEpoch(context: FitContext): Promise<void> {
    if (!this.#monitor.improves(context)) return;
    const snapshot = await context.learner.snapshot();
    this.#forget();
    this.#snapshot = snapshot;
  }

  afterFit({ learner }: FitContext): void {
    if (this.#snapshot && this.#restores) learner.restore(this.#snapshot);
    this.#forget();
  }

  #forget(): void {
    this.#snapshot?.destroy();
    this.#snapshot = undefined;
  }
}
