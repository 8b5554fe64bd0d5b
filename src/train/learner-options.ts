import type { OptionNames } from "../core/known-options.ts";
import type { Loss } from "../nn/losses.ts";
import type { AnyModule } from "../nn/module.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { AugmentOptions } from "./augment.ts";
import type { Callback } from "./callback.ts";
import type { LearnerData } from "./data-on-device.ts";
import type { LossScaleOptions } from "./loss-scale.ts";
import type { Metric } from "./metrics.ts";
import type { TuningOptions } from "./tuning.ts";

/** What a learner is made from. */
export interface LearnerOptions extends TuningOptions {
  readonly device: GPUDevice;
  readonly model: AnyModule;
  readonly data: LearnerData;
  /** A function of outputs and targets: nn.crossEntropy() or one's own. */
  readonly loss: Loss;
  /** Default sgd(). */
  readonly optimizer?: Optimizer;
  /** Measured in validation: accuracy(), topK(5), metric(name, fn). */
  readonly metrics?: readonly Metric[];
  /** Examples in a batch. Default 64; a smaller data set shrinks it and says so. */
  readonly batchSize?: number;
  /** Of initial values, order of examples and dropout. Default 0. Same seed, same device, same bits. */
  readonly seed?: number;
  /** Leave out the examples of an epoch that do not fill a batch. Default true; evaluation uses every example. */
  readonly dropLast?: boolean;
  /** Random changes of training images (inputs [C, H, W]), drawn from (seed, epoch, example). Default none. */
  readonly augment?: AugmentOptions;
  /** A new random order of the examples every epoch. Default true. */
  readonly shuffle?: boolean;
  /** Batches whose gradients are averaged for one update. Default 1. */
  readonly accumulate?: number;
  /**
   * Multiplies the loss, so that small gradients do not vanish in half precision; a step whose gradients overflow is
   * skipped on the device, and the scale moves by itself. Default: none.
   */
  readonly lossScale?: "dynamic" | LossScaleOptions;
  /**
   * Experimental. Keeps images between layers and their gradients in memory as f16; everything is computed, summed and
   * updated in f32. Needs a device with shader-f16; `lossScale` is "dynamic" unless given. Default false.
   */
  readonly half?: boolean;
  /** Record metrics of training batches too. Default false. */
  readonly trainMetrics?: boolean;
  readonly callbacks?: readonly Callback[];
  /** Hears what the user should know (a shrunk batch). Default console.warn. */
  onWarning?(message: string): void;
}

/** Names of all options. */
export const LEARNER_OPTIONS: OptionNames<LearnerOptions> = {
  ...{ device: true, model: true, data: true, loss: true, optimizer: true, metrics: true, batchSize: true },
  ...{ seed: true, dropLast: true, shuffle: true, accumulate: true, trainMetrics: true, callbacks: true },
  ...{
    onWarning: true,
    augment: true,
    lossScale: true,
    half: true,
    tune: true,
    precision: true,
    tuneStore: true,
  },
};
