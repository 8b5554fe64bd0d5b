import type { HostArray } from "../core/dtype.ts";
import { DataError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import type { Snapshot } from "../gpu/engine.ts";
import { type FreezeOptions, Model } from "../nn/model.ts";
import { checkGroups, type Optimizer, sgd } from "../optim/optimizer.ts";
import { printPlan } from "../plan/print.ts";
import { checkAugment } from "./augment.ts";
import {
  type Callback,
  type CheckedHooks,
  checkHooks,
  type HookName,
  type Hooks,
  type ValidationResult,
} from "./callback.ts";
import { checkAlike, checkCounts, halfDefaults } from "./check-options.ts";
import { DataOnDevice, type Split } from "./data-on-device.ts";
import { Feeder } from "./feeder.ts";
import type { FineTuneOptions } from "./fine-tune.ts";
import { fitLoop } from "./fit.ts";
import {
  type FitOptions,
  type FlatCosOptions,
  fitSchedule,
  flatCosSchedule,
  type OneCycleFitOptions,
  oneCycleSchedule,
  type SgdrOptions,
  sgdrSchedule,
} from "./fit-options.ts";
import { LEARNER_OPTIONS, type LearnerOptions } from "./learner-options.ts";
import { lossScale } from "./loss-scale.ts";
import type { LrFindOptions, LrFindResult } from "./lr-find.ts";
import { type PredictInput, type Prediction, Predictor } from "./predict.ts";
import { ProbeSet } from "./probe-set.ts";
import { Program, type Variant } from "./program.ts";
import { RunLog } from "./run.ts";
import {
  checkedMoments,
  checkedStates,
  type OptimizerState,
  readOptimizerState,
  readState,
} from "./state.ts";
import { stepChanges } from "./step-changes.ts";
import { TrainingTuning } from "./tuning.ts";
import { evaluationBatch, evaluationPlans, validateSplit } from "./validate.ts";

export type { LearnerOptions } from "./learner-options.ts";

/** Keys of the plans that a fit replays. */
export interface TrainingPlans {
  readonly full: string;
  /** For the last, smaller batch; undefined where it is dropped or there is none. */
  readonly tail: { readonly plan: string; readonly size: number } | undefined;
  /** With gradient accumulation. */
  readonly update: string | undefined;
}

/** Trains a model on a device: one compiled graph per step, replayed. */
export class Learner {
  readonly model: Model;
  readonly run = new RunLog();
  readonly options: Required<Pick<LearnerOptions, "seed" | "dropLast" | "accumulate">> & LearnerOptions;
  readonly optimizer: Optimizer;
  readonly program: Program;
  readonly feeder: Feeder;
  readonly tuning: TrainingTuning;
  readonly #callbacks: Callback[];
  readonly #predictor: Predictor;
  readonly #data: DataOnDevice;
  /** Statistics that the callbacks of the fit under way want. */
  probes = new ProbeSet([]);
  /** Batch size in use, after shrinking to the data set. */
  readonly batchSize: number;
  /** Optimizer steps taken. */
  steps = 0;
  /** Epochs begun. */
  epochs = 0;

  /** Errors  OptionError, DataError for options or data that cannot be trained on; nothing has reached the GPU then */
  constructor(options: LearnerOptions) {
    knownOptions("learner", options, LEARNER_OPTIONS);
    knownOptions("learner data", options.data, { train: true, valid: true, test: true });
    this.options = { seed: 0, dropLast: true, accumulate: 1, ...halfDefaults(options), ...options };
    this.optimizer = options.optimizer ?? sgd();
    this.model = new Model(options.model);
    checkGroups(this.optimizer, this.model.parameters());
    checkCounts(this.options);
    const { train, valid, test } = options.data;
    if (valid) checkAlike(train, valid, "validation");
    if (test) checkAlike(train, test, "test");
    this.batchSize = this.#fitBatch(options.batchSize ?? 64);
    const recipe = {
      model: this.model,
      loss: options.loss,
      metrics: options.metrics ?? [],
      optimizer: this.optimizer,
      accumulate: this.options.accumulate,
      trainMetrics: options.trainMetrics ?? false,
      augment: options.augment && checkAugment(options.augment, options.data.train),
      lossScale: this.options.lossScale === undefined ? undefined : lossScale(this.options.lossScale),
    };
    this.program = new Program(options.device, recipe, this.options.seed);
    this.program.storage = options.half ? "f16" : undefined;
    this.#data = new DataOnDevice(this.program, this.options);
    this.feeder = new Feeder(this.program.engine);
    this.tuning = new TrainingTuning(this, options);
    this.#callbacks = [...(options.callbacks ?? [])];
    this.#callbacks.forEach(checkHooks);
    this.program.changes = stepChanges(this.#callbacks);
    this.#predictor = new Predictor(this.program, options.data.train, this.batchSize);
  }

  #fitBatch(wanted: number): number {
    const { count } = this.options.data.train;
    if (wanted <= count) return wanted;
    const warn = this.options.onWarning ?? ((message: string) => console.warn(message));
    warn(
      `learner: the training data has ${count} examples, fewer than the batch of ${wanted}: batch size is now ${count}`,
    );
    return count;
  }

  /** Adds a callback. Errors  OptionError for a method that is no hook: misspelt, it would never be called */
  use<C extends Callback>(callback: C & CheckedHooks<C>): C {
    checkHooks(callback);
    this.#callbacks.push(callback);
    this.program.changes = stepChanges(this.#callbacks);
    return callback;
  }

  /** Adds a single hook; returns how to take it away. */
  on<Name extends HookName>(hook: Name, listener: NonNullable<Hooks[Name]>): () => void {
    const callback: Callback = this.use({ name: hook, [hook]: listener } as Callback);
    return () => this.remove(callback);
  }

  /** Takes a callback away; a fit that runs keeps it to its end. */
  remove(callback: Callback): void {
    const index = this.#callbacks.indexOf(callback);
    if (index >= 0) this.#callbacks.splice(index, 1);
    this.program.changes = stepChanges(this.#callbacks);
  }

  get callbacks(): readonly Callback[] {
    return this.#callbacks;
  }

  /** Batches of one epoch. */
  get batchesPerEpoch(): number {
    const { count } = this.options.data.train;
    return this.options.dropLast ? Math.floor(count / this.batchSize) : Math.ceil(count / this.batchSize);
  }

  /** Optimizer steps of one epoch. */
  get stepsPerEpoch(): number {
    return Math.ceil(this.batchesPerEpoch / this.options.accumulate);
  }

  /**
   * Trains for some epochs at given hyper-parameters: numbers, or schedules of the position in the fit.
   * Errors  OptionError for numbers out of range; DataError, ShapeError, DeviceError before the first step
   */
  async fit(epochs: number, options: FitOptions): Promise<RunLog> {
    await fitLoop(this, epochs, fitSchedule(this, epochs, options));
    return this.run;
  }

  /** Trains with one cycle of lr and momentum. Source  see `oneCycle`; fastai fit_one_cycle */
  async fitOneCycle(epochs: number, options: OneCycleFitOptions = {}): Promise<RunLog> {
    return this.fit(epochs, { schedule: oneCycleSchedule(this, epochs, options) });
  }

  /** Trains at a flat lr, then down a cosine. Source  fastai fit_flat_cos */
  async fitFlatCos(epochs: number, options: FlatCosOptions = {}): Promise<RunLog> {
    return this.fit(epochs, { schedule: flatCosSchedule(this, epochs, options) });
  }

  /** Trains over cosines with warm restarts, the first of `cycleLength` epochs. Source  fastai fit_sgdr */
  async fitSgdr(cycles: number, cycleLength: number, options: SgdrOptions = {}): Promise<RunLog> {
    const { epochs, schedule } = sgdrSchedule(this, cycles, cycleLength, options);
    return this.fit(epochs, { schedule });
  }

  /** Trains the head with the body frozen, then everything at rates spread over the groups. Source  fastai fine_tune */
  async fineTune(epochs: number, options: FineTuneOptions = {}): Promise<RunLog> {
    const { fineTune } = await import("./fine-tune.ts");
    await fineTune(this, epochs, options);
    return this.run;
  }

  /** Loss over a rising lr, and what it suggests; everything is put back afterwards. Source  fastai lr_find */
  async lrFind(options: LrFindOptions = {}): Promise<LrFindResult> {
    const { lrFind } = await import("./lr-find.ts");
    return lrFind(this, options);
  }

  /** Loss and metrics over the validation data (or the training or test data), every example once. */
  async validate(split: Split = this.options.data.valid ? "valid" : "train"): Promise<ValidationResult> {
    const data = this.options.data[split];
    if (!data) {
      throw new DataError({
        op: "validate",
        problem: split === "test" ? "no test data" : "no validation data",
        fix: `pass data: { train, ${split} } to the Learner`,
      });
    }
    await this.tuning.start();
    await this.upload(split);
    await this.feeder.flush();
    return validateSplit(this, split, data, evaluationBatch(data.count, this.batchSize));
  }

  /** Compiles everything that training and validation need, so that nothing is made once training has begun. */
  async preparePlans(variant?: Variant): Promise<TrainingPlans> {
    const { data, dropLast, accumulate } = this.options;
    const { program, batchSize } = this;
    program.engine.checkAlive();
    await this.upload("train", variant);
    const size = data.train.count % batchSize;
    const hasTail = !dropLast && size > 0;
    // Plans with statistics come first: they need most work memory, which the others then share.
    for (const due of this.probes.combinations("train", this.steps)) {
      await program.step("train", data.train, batchSize, variant, due);
    }
    const full = await program.step("train", data.train, batchSize, variant);
    if (data.valid) {
      await this.upload("valid", variant);
      const batch = evaluationBatch(data.valid.count, batchSize);
      await evaluationPlans(this, "valid", data.valid, batch, variant);
    }
    return {
      full,
      tail: hasTail ? { plan: await program.step("train", data.train, size, variant), size } : undefined,
      update: accumulate > 1 ? await program.update(variant) : undefined,
    };
  }

  /**
   * Outputs for new inputs, in evaluation mode. Bytes are normalised as the training data; floats are taken as they are.
   * One image costs one image.
   */
  async predict(inputs: PredictInput): Promise<Prediction> {
    await this.feeder.drain();
    return this.#predictor.run(inputs);
  }

  /** Stops training of a layer and all inside it; see Model.freeze. */
  freeze(path: string, options?: FreezeOptions): void {
    this.model.freeze(path, options);
  }

  unfreeze(path?: string): void {
    this.model.unfreeze(path);
  }

  /** Values of all parameters and running statistics by PyTorch's state_dict names, in logical order. */
  async state(): Promise<Record<string, HostArray>> {
    await this.#ready();
    await this.feeder.flush();
    return readState(this.program, this.model.states());
  }

  /**
   * Writes parameters and running statistics by name; names that are absent keep their value.
   * Errors  DataError for an unknown name or another number of elements; nothing is written then
   */
  async loadState(values: Readonly<Record<string, ArrayLike<number>>>): Promise<void> {
    const checked = checkedStates(values, this.model.states(), "loadState");
    await this.#ready();
    await this.feeder.flush();
    this.program.engine.writeStates(checked);
  }

  /** Steps taken and the optimizer's moments by parameter name. */
  async optimizerState(): Promise<OptimizerState> {
    await this.#ready();
    await this.feeder.flush();
    return readOptimizerState(this.program, this.steps);
  }

  /** Writes what `optimizerState` gave. Errors  DataError for unknown names or sizes; nothing is written then */
  async loadOptimizerState(state: OptimizerState): Promise<void> {
    const moments = checkedMoments(this.program, state);
    await this.#ready();
    await this.feeder.flush();
    for (const { moment, values } of moments) {
      for (const [parameter, data] of values) this.program.engine.writeMoment(moment, parameter, data);
    }
    const { lossScale } = this.program.recipe;
    if (lossScale && state.lossScale)
      this.program.engine.writeStates(new Map([[lossScale.state, Float32Array.from(state.lossScale)]]));
    this.steps = state.steps;
  }

  /** Gradients of the last step (of the last batch, with accumulation) by parameter name. */
  async gradients(): Promise<Record<string, HostArray>> {
    await this.feeder.drain();
    return readState(this.program, this.model.trainable(), "grads");
  }

  /** Copies weights, optimizer state and running statistics on the device, at the step that was sent last. */
  async snapshot(): Promise<Snapshot> {
    await this.#ready();
    await this.feeder.flush();
    return this.program.engine.snapshot();
  }

  restore(snapshot: Snapshot): void {
    this.program.engine.restore(snapshot);
  }

  /** The step plan as a table: every dispatch with its layer, grid, memory and FLOPs. */
  async explain(): Promise<string> {
    const key = await this.#ready();
    return printPlan(this.program.engine.plan(key)!);
  }

  async #ready(): Promise<string> {
    await this.tuning.start();
    return this.program.step("train", this.options.data.train, this.batchSize);
  }

  /** Brings a split's examples to the device; see `DataOnDevice`. */
  upload(split: Split, variant?: Variant): Promise<void> {
    return this.#data.upload(split, Math.max(0, this.epochs - 1), variant);
  }

  /** Sends the order of examples of an epoch; new examples are drawn where they are generated. */
  shuffle(epoch: number): void {
    this.#data.begin(epoch);
  }

  /** Sends the order that the epochs begun so far have left behind. */
  restoreOrder(): void {
    if (this.epochs > 0) this.shuffle(this.epochs - 1);
    else this.#data.naturalOrder();
  }

  /** Frees the GPU memory of this learner; the device stays usable. */
  dispose(): void {
    this.tuning.cancel();
    this.program.engine.dispose();
  }
}
