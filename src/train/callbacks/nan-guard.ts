import { knownOptions } from "../../core/known-options.ts";
import type { Snapshot } from "../../gpu/engine.ts";
import { type Callback, CancelFit, type FitContext, type StepRecord } from "../callback.ts";
import type { FitState, SentStep } from "../fit-context.ts";
import { findNonFinite, type NonFinite } from "../non-finite.ts";

export interface NanGuardOptions {
  /** Steps from one snapshot on the device to the next: at most about twice as many are run again to find a layer. Default 100. */
  readonly every?: number;
}

/** A state of the device, and where in the trail the steps after it begin. */
interface Mark {
  readonly snapshot: Snapshot;
  readonly step: number;
  index: number;
}

/**
 * Ends the fit when a loss is NaN or infinite, finds the layer that went first by running the steps since a snapshot
 * again with statistics, and puts back the weights from before the step that went wrong.
 */
export class NanGuard implements Callback {
  readonly name = "nanGuard";
  readonly order = -50;
  readonly #every: number;
  #marks: Mark[] = [];
  #trail: SentStep[] = [];
  #lastStep = -1;
  #badStep: number | undefined;
  /** What went wrong in the last fit; undefined where nothing did. */
  found: NonFinite | undefined;

  constructor(options: NanGuardOptions = {}) {
    knownOptions(this.name, options, { every: true });
    this.#every = options.every ?? 100;
  }

  async beforeFit(context: FitContext): Promise<void> {
    this.#forget();
    this.found = undefined;
    this.#badStep = undefined;
    this.#lastStep = -1;
    this.#trail = [];
    (context as FitState).trail = this.#trail;
    await this.#mark(context);
  }

  beforeBatch(context: FitContext): Promise<void> | undefined {
    const { step } = context;
    const isFirst = step !== this.#lastStep;
    this.#lastStep = step;
    const isDue = isFirst && this.#marks.length === 1 && step - this.#marks[0]!.step >= this.#every;
    return isDue ? this.#mark(context) : undefined;
  }

  async #mark({ learner, step }: FitContext): Promise<void> {
    this.#marks.push({ snapshot: await learner.snapshot(), step, index: this.#trail.length });
  }

  onRecord({ step, loss }: StepRecord): void {
    if (this.#badStep !== undefined) return;
    if (!Number.isFinite(loss)) {
      this.#badStep = step;
      throw new CancelFit();
    }
    // Nothing before a later mark is needed once a step after it has come back whole.
    const [first, second] = this.#marks;
    if (!second || step <= second.step) return;
    first!.snapshot.destroy();
    this.#trail.splice(0, second.index);
    second.index = 0;
    this.#marks = [second];
  }

  async afterCancelFit({ learner }: FitContext): Promise<void> {
    const bad = this.#badStep;
    if (bad === undefined) return;
    // The step before the bad one may be to blame: its update was the last that a finite loss says nothing about.
    const mark = this.#marks.findLast(({ step }) => step < bad) ?? this.#marks[0]!;
    const steps = this.#trail.slice(mark.index);
    this.found = await findNonFinite(learner, mark.snapshot, steps, bad);
    const warn = learner.options.onWarning ?? ((message: string) => console.warn(message));
    warn(`nanGuard: ${this.found.message}`);
  }

  afterFit(context: FitContext): void {
    (context as FitState).trail = undefined;
    this.#forget();
  }

  #forget(): void {
    for (const { snapshot } of this.#marks) snapshot.destroy();
    this.#marks = [];
    this.#trail = [];
  }
}
